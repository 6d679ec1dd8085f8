"""Which odd values may a payload have, and where? Each value of a payload is replaced in turn by each of them."""

import json
import random
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Steps = tuple[str | int, ...]

# As JSON. The first ones show whether a value is read at all.
FIRST = {"null": "null", "true": "true", "a number": "-7", "a text": '"odd"', "a list": '["odd", null, 5, [{}]]'}
ODD_VALUES = FIRST | {
    "an object": '{"odd": {"value": ["odd"]}, "id": {}, "name": []}',
    "an empty object": "{}",
    "an empty list": "[]",
    "an empty text": '""',
    "a fraction": "0.5",
    "a number beyond bigint": "1" + "0" * 30,
    "a number beyond all numbers": "1e999",
    "a text with NUL and half a pair": r'"odd \u0000 \ud83d"',
    "a text longer than an index allows": f'"{random.Random(1).randbytes(10_000).hex()} odd"',
    "a text of 3 MB": '"%s"' % ("odd" * 1_000_000),
    "a deep list": "[" * 3000 + "]" * 3000,
    "the first time": '"0001-01-01T00:00:00+14:00"',
    "the last time": '"9999-12-31T23:59:59-12:00"',
    "a time in the year 10889": '"10889-09-08T02:38:50+00:00"',
}
# As which text a row shows a value that was read after all. A number may be a time as well.
_SHOWN = {
    "true": "true",
    "a number": "-7|1969-12-31",
    "a fraction": r"0\.5|1970-01-01",
    "a number beyond bigint": r"10{30}|1e\+?30",
    "the first time": "0001-01",
    "the last time": "9999-12",
    "a time in the year 10889": "10889",
}
_MARK = "~ the odd value ~"


class Place(NamedTuple):
    """A value in a payload; ``path`` is where it is, such as ``fields.labels[]``."""

    payload: Any
    steps: Steps
    path: str

    @property
    def value(self) -> Any:
        """The value that is there."""
        return _at(self.payload, self.steps)

    @property
    def rich_text(self) -> "Place":
        """The rich text that it is a part of. A rich text is one value; the place itself if it is in none."""
        depths = range(1, len(self.steps))
        roots = (self.steps[:depth] for depth in depths if _is_rich_text(_at(self.payload, self.steps[:depth])))
        return self._replace(steps=next(roots, self.steps))

    def with_each(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The payload with each of these odd values instead of its own."""
        before, after = json.dumps(_replaced(self.payload, self.steps, _MARK)).split(json.dumps(_MARK))
        return ((name, f"{before}{ODD_VALUES[name]}{after}".encode()) for name in names)

    def without(self) -> bytes:
        """The payload without the value. In a list null stands for it."""
        return json.dumps(_replaced(self.payload, self.steps, None, must_remove=True)).encode()

    def without_element(self) -> bytes:
        """The payload with null instead of the innermost element of a list that has the value."""
        last = max((depth for depth, step in enumerate(self.steps, 1) if isinstance(step, int)), default=0)
        return self._replace(steps=self.steps[:last]).without() if last else self.without()


def places(payloads: Iterable[Any], seed: int, samples: int) -> list[Place]:
    """Every distinct path of the payloads, in ``samples`` payloads each: by chance, but if possible with a value."""
    chance = random.Random(seed)
    found = dict[str, list[Place]]()
    for payload in payloads:
        for place in _within(payload, (), "", payload):
            found.setdefault(place.path, []).append(place)
    chosen = list[Place]()
    for path in sorted(found):
        filled = [place for place in found[path] if place.value not in (None, "", [], {})] or found[path]
        chosen += chance.sample(filled, min(samples, len(filled)))
    return chosen


def is_nothing(name: str) -> bool:
    """Whether this odd value says that there is nothing."""
    return ODD_VALUES[name] in ("null", "[]", '""')


def is_of_the_same_type(name: str, value: Any) -> bool:
    """Whether this odd value could stand where ``value`` stands."""
    opening = json.dumps(value)[0], ODD_VALUES[name][0]
    types = ['"', "[", "{", "tf", "n", "-0123456789"]
    return any(opening[0] in letters and opening[1] in letters for letters in types)


def is_shown(name: str, cells: Iterable[Any]) -> bool:
    """Whether one of the cells shows this odd value."""
    return any(re.search(_SHOWN.get(name, "odd"), str(cell), re.IGNORECASE) for cell in cells)


def _within(value: Any, steps: Steps, path: str, payload: Any) -> Iterator[Place]:
    if steps:
        yield Place(payload, steps, path)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _within(item, (*steps, name), f"{path}.{name}" if path else name, payload)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _within(item, (*steps, number), f"{path}[]", payload)


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def _is_rich_text(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc"


def _replaced(value: Any, steps: Steps, new: Any, *, must_remove: bool = False) -> Any:
    """A copy with another value there; everything else is shared with the original."""
    if not steps:
        return new
    step, *rest = steps
    copy = value.copy()
    if must_remove and not rest and isinstance(step, str):
        del copy[step]
    else:
        copy[step] = _replaced(value[step], tuple(rest), new, must_remove=must_remove)
    return copy
