"""Do the messages of a run end in exactly the stored state when they are replayed?"""

from apps.progress.selectors import run_of_tenant
from tests.platform import Platform
from tests.recorder import Recorder


def test_replayed_messages_end_in_the_stored_state(platform: Platform) -> None:
    with Recorder(platform.tenant.pk) as pages:
        run = platform.run("jira")
    messages, numbers = pages.of_run(run.pk), pages.numbers_of(run.pk)
    stored = run_of_tenant(platform.tenant.pk, run.pk)
    assert stored
    last, final = messages[-1], stored.as_json()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert last["seq"] == numbers[-1]
    differing = {"type", "ts"}
    assert {key: last[key] for key in last if key not in differing} == {
        key: final[key] for key in final if key not in differing
    }
    percents = [message["progress"] for message in messages]
    assert percents == sorted(percents)
