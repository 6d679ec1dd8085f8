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

    After an announced slice every slice is announced. Those of which the source does not say how many records they
    give (the parts of a slice that is split) share what is left.
    """
    done, total = counted(slice_, fetched, unit)
    left = max((total if slice_.announced is None else slice_.announced) - done, 0)
    slices, unsaid = list(fetched.follow_ups), list[int]()
    for place, one in enumerate(slices):
        if one.announced is None:
            unsaid.append(place)
        else:
            slices[place] = msgspec.structs.replace(one, announced=min(one.announced, left))
            left -= min(one.announced, left)
    for number, place in enumerate(unsaid if slice_.announced is not None else ()):
        share = left // (len(unsaid) - number)
        slices[place] = msgspec.structs.replace(slices[place], announced=share)
        left -= share
    return slices
