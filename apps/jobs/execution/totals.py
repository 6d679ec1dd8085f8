"""What does a slice add to the counters of its step? A total that was announced in full does not grow any more.

A source says with ``Slice.announced`` that the total already contains what a slice gives. Whatever such a slice finds
beyond that is stored like everything else, but it changes no number that people see as exact.
"""

import msgspec

from apps.sources.base import Fetched, Slice


def counted(slice_: Slice, fetched: Fetched, unit: str) -> tuple[int, int]:
    """How many records a slice has done, and by how many it raises the total; ``unit`` is the entity that counts."""
    done = sum(record.entity == unit for record in fetched.records) if unit else len(fetched.records)
    if slice_.announced is None:
        return done, fetched.expected.get(unit, 0)
    return min(done, slice_.announced), 0


def following(slice_: Slice, fetched: Fetched, unit: str) -> list[Slice]:
    """The slices that follow. Together they give at most what was announced and is not done.

    After an announced slice every slice is announced, if only as one that gives nothing more.
    """
    done, total = counted(slice_, fetched, unit)
    left = max((total if slice_.announced is None else slice_.announced) - done, 0)
    slices = []
    for one in fetched.follow_ups:
        if one.announced is not None or slice_.announced is not None:
            announced = min(one.announced or 0, left)
            left -= announced
            one = msgspec.structs.replace(one, announced=announced)
        slices.append(one)
    return slices
