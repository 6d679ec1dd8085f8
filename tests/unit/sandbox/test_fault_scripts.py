"""Is a wrong fault script refused?"""

import pytest

from apps.sandbox.faults import FaultScript, FaultScriptError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "not a list of rules"),
        (b'[{"match": "GET x"}]', "missing required field `action`"),
        (b'[{"match": "GET x", "action": {"type": "explode"}}]', "explode"),
        (b'[{"match": "GET x", "action": {"type": "delay", "ms": 5, "speed": 1}}]', "speed"),
        (b'[{"match": "/x", "action": {"type": "reset"}}]', "Rule 0: match must be 'METHOD regex'"),
        (b'[{"match": "GET (", "action": {"type": "reset"}}]', "no regular expression"),
        (b'[{"match": "GET x", "action": {"type": "reset"}, "times": 0}]', "times 1 or more"),
    ],
)
def test_a_bad_script_is_refused_with_a_sentence(text: bytes, words: str) -> None:
    with pytest.raises(FaultScriptError) as refusal:
        FaultScript.from_json(text)
    assert words in str(refusal.value)
