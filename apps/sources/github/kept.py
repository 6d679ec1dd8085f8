"""What if GraphQL leaves out a part of an object? The stored value is kept.

The payload stays byte for byte as it came. The kept values follow at its end under one more key: ``"_kept": [[path,
value], …]``. Each path leads to a null of the payload.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from apps.sources.github.entities import CHILD_LISTS
from apps.sources.reading import read_json
from apps.sources.text import as_dict, as_list

KEY = b'"_kept"'
TOTAL = "totalCount"
_IDENTITIES = ("fullDatabaseId", "databaseId", "id", "oid", "login", "name")
_LISTS = frozenset({*CHILD_LISTS, "nodes"})

Path = Sequence[str | int]


class _KeptPayload(msgspec.Struct):
    kept: list[tuple[list[str | int], Any]] = msgspec.field(default_factory=list, name="_kept")


def keep(payload: bytes, paths: Iterable[Path], stored: Iterable[bytes]) -> bytes:
    """The payload with the values that the first of ``stored`` has where ``payload`` has a null at one of ``paths``.

    A path to the total of a list says that the list had not as many items: the total is kept, too.
    """
    new, olds = read_json(payload, Any), [read_json(whole(old), Any) for old in stored]
    kept = dict[tuple[str | int, ...], Any]()
    for path in paths:
        if path[-1] == TOTAL:
            kept[*path[:-1], "isDoubtful"] = True
        for old in olds:
            place, value = _stored_value(new, old, path)
            if value is not None:
                kept.setdefault(tuple(place), value)
    if not kept:
        return payload
    return payload.rstrip()[:-1] + b"," + KEY + b":" + msgspec.json.encode(list(kept.items())) + b"}"


def whole(payload: bytes) -> bytes:
    """The payload with its kept values in their places."""
    if KEY not in payload:
        return payload
    found = read_json(payload, dict[str, Any])
    found.pop("_kept", None)
    for path, value in read_json(payload, _KeptPayload).kept:
        _put(found, path, value)
    return msgspec.json.encode(found)


def _put(target: Any, path: Path, value: Any) -> None:
    *above, last = path
    for step in above:
        target = target[step]
    target[last] = value


def _stored_value(new: Any, old: Any, path: Path) -> tuple[Path, Any]:
    """Where on ``path`` the new object has a null or a doubtful total, and what the old object has there.

    ``None`` for nothing.
    """
    for depth, step in enumerate(path, 1):
        above = old
        if isinstance(step, int):
            new, old = _item(as_list(new), as_list(old), step)
        else:
            new, old = as_dict(new).get(step), as_dict(old).get(step)
        if new is None and step == "nodes":  # without its items the whole list is no value
            return path[: depth - 1], _kept_value(path[: depth - 1], above)
        if new is None:
            return path[:depth], _kept_value(path[:depth], old)
    return path, old if path[-1] == TOTAL else None


def _kept_value(place: Path, old: Any) -> Any:
    """What is kept of the old value. Of a list whose items have rows of their own it is only the total."""
    if place[0] not in CHILD_LISTS or not (isinstance(place[-1], int) or place[-1] in _LISTS):
        return old
    total = as_dict(old).get(TOTAL)
    return None if total is None else {TOTAL: total, "nodes": [None]}


def _item(new: list[Any], old: list[Any], place: int) -> tuple[Any, Any]:
    """An item of a list, and the same old item.

    An item that does not say what it is may be any of the old ones that the list does not have.
    """
    item = new[place] if place < len(new) else None
    found = next((one for one in old if _is_same(one, item)), None)
    if found is not None:
        return item, found
    others = [one for one in old if not any(_is_same(one, listed) for listed in new)]
    position = sum(not any(_is_same(one, before) for one in old) for before in new[:place])
    return item, others[position] if position < len(others) and not _is_named(item) else None


def _is_same(one: Any, other: Any) -> bool:
    """Whether two items have an id in common, the first one that both have."""
    left, right = as_dict(one), as_dict(other)
    for name in _IDENTITIES:
        if left.get(name) is not None and right.get(name) is not None:
            return bool(left[name] == right[name])
    return "commit" in left and "commit" in right and _is_same(left["commit"], right["commit"])


def _is_named(item: Any) -> bool:
    fields = as_dict(item)
    return any(fields.get(name) is not None for name in _IDENTITIES) or bool(fields and _is_named(fields.get("commit")))
