"""What did the provider not give so far? Each hole is remembered with the slice that asks for it again.

The next runs of the job begin each step with these slices. A hole is closed when a run that asked for it ends and has
not skipped it again. Only this module reads and writes the table.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.jobs.choices import RunMode
from apps.jobs.execution.context import integration_of
from apps.jobs.models import Hole, Run
from apps.sources.base import Skip, Slice

RANGE_BEGIN = "since"  # the argument of a slice
MAX_ASKED = 1000  # per step and run, the oldest first


def with_holes(run: Run, step: str, slices: Sequence[Slice]) -> list[Slice]:
    """The first slices of a step, and those that ask again for its holes. A full run asks for everything anyway.

    A slice that a hole asks for as well is asked for once, as the hole has it: its range may begin earlier.
    """
    if run.mode != RunMode.INCREMENTAL:
        return list(slices)
    found = list(_of(run).filter(step=step).order_by("found_at", "pk")[:MAX_ASKED])
    Hole.across_tenants.filter(pk__in=[hole.pk for hole in found]).update(asked_by=run.pk)
    again = {hole.digest: msgspec.convert(hole.slice, Slice) for hole in found}
    first = [again.pop(_digest(slice_), slice_) for slice_ in slices]
    return [*first, *again.values()]


def remember(run: Run, step: str, skips: Iterable[Skip]) -> list[Skip]:
    """Remember what some skips ask for again, inside the caller's transaction; gives the skips to show.

    A hole that a person has accepted makes no run incomplete.
    """
    skips = list(skips)
    holes = {_digest(skip.again): skip for skip in skips if skip.is_missing and skip.again is not None}
    if not holes:
        return skips
    Hole.across_tenants.bulk_create(
        (
            Hole(
                tenant_id=run.tenant_id,
                integration_id=integration_of(run),
                step=step,
                digest=digest,
                slice=msgspec.to_builtins(skip.again),
                scope=skip.scope,
                reason=skip.reason,
                run=run.pk,
            )
            for digest, skip in sorted(holes.items())
        ),
        update_conflicts=True,
        unique_fields=["integration", "step", "digest"],
        update_fields=["scope", "reason", "run"],
    )
    known = Hole.across_tenants.filter(integration=run.integration_id, step=step, digest__in=holes)
    accepted = set(known.exclude(accepted_by="").values_list("digest", flat=True))
    return [
        msgspec.structs.replace(skip, is_missing=False) if skip.again and _digest(skip.again) in accepted else skip
        for skip in skips
    ]


def close(run: Run) -> None:
    """Forget the holes that a run has asked for and filled, inside the caller's transaction."""
    is_filled = Q(asked_by=run.pk) | Q(pk__in=_of(run)) if run.mode == RunMode.FULL else Q(asked_by=run.pk)
    Hole.across_tenants.filter(is_filled, integration=run.integration_id).exclude(run=run.pk).delete()


def unasked(run: Run) -> int:
    """How many holes a run has neither asked for nor found: they wait for the next run."""
    if run.integration_id is None or run.mode not in (RunMode.INCREMENTAL, RunMode.FULL):
        return 0
    return _of(run).filter(accepted_by="").exclude(asked_by=run.pk).exclude(run=run.pk).count()


def accept(holes: QuerySet[Hole], *, actor: str) -> int:
    """A person decides that these may stay missing. They are still asked for, but make no run incomplete."""
    return holes.filter(accepted_by="").update(accepted_by=actor, accepted_at=Now())


def rename(run: Run, renamed: dict[str, str]) -> None:
    """The holes of renamed projects or repositories get the new names, in the caller's transaction."""
    for hole in Hole.across_tenants.filter(integration=run.integration_id, scope__in=renamed):
        slice_ = msgspec.convert(hole.slice, Slice)
        slice_ = msgspec.structs.replace(slice_, scope=renamed.get(slice_.scope, slice_.scope))
        hole.scope, hole.slice, hole.digest = renamed[hole.scope], msgspec.to_builtins(slice_), _digest(slice_)
        if Hole.across_tenants.filter(integration=run.integration_id, step=hole.step, digest=hole.digest).exists():
            hole.delete()
        else:
            hole.save(update_fields=["scope", "slice", "digest"])


def _of(run: Run) -> QuerySet[Hole]:
    """The holes that belong to a run: those of its chosen projects or repositories, without a choice all."""
    holes = Hole.across_tenants.filter(integration=run.integration_id)
    return holes.filter(scope__in=run.scopes) if run.scopes else holes


def _digest(slice_: Slice | None) -> str:
    """What a slice asks for. The beginning of its range is left out: the first hole of a list has the earliest one."""
    if slice_ is not None:
        args = {name: value for name, value in slice_.args.items() if name != RANGE_BEGIN}
        slice_ = msgspec.structs.replace(slice_, args=args, announced=None)
    return blake2b(msgspec.json.encode(slice_, order="deterministic"), digest_size=16).hexdigest()
