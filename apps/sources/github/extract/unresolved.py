"""What if GitHub answers an id that it has just listed with null? REST is asked before it counts as gone."""

from collections.abc import Sequence

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.github.client import Client, repository_path
from apps.sources.github.entities import ENTITIES
from apps.sources.github.extract.anew import one_by_one
from apps.sources.github.extract.args import IdsArgs, NumberedId, VanishedArgs
from apps.sources.github.extract.deletions import gone_status
from apps.sources.github.extract.gaps import NOT_FOUND, Gap, hole

DETAILS = {"pull_request": "pull_request_details", "deployment": "deployment_details"}


def take_null(fetched: Fetched, entity: str, one: NumberedId, gaps: Sequence[Gap]) -> None:
    """A null for an object. If GitHub says that there is none, REST is asked, else it is a hole."""
    if one.number and gaps and all(gap.type == NOT_FOUND and not gap.path for gap in gaps):
        fetched.follow_ups.append(Slice.of(f"unresolved_{entity}", IdsArgs([one]), one.repository))
    else:
        fetched.skips.append(hole_of(entity, one, gaps or [Gap()]))


def take_null_repository(fetched: Fetched, name: str, gaps: Sequence[Gap], again: Slice) -> None:
    """A null for a repository. Unless GitHub says why, REST is asked whether it is gone."""
    if all(gap.type == NOT_FOUND for gap in gaps):
        fetched.follow_ups.append(Slice.of("vanished", VanishedArgs([], again), name))
    else:
        fetched.skips.append(hole(name, name, gaps, again))


def hole_of(entity: str, one: NumberedId, gaps: Sequence[Gap]) -> Skip:
    """The hole of one pull request or deployment."""
    return hole(one.repository, title(entity, one), gaps, one_by_one(DETAILS[entity], [one])[0])


def title(entity: str, one: NumberedId) -> str:
    """What a sentence calls it."""
    if entity == "pull_request":
        return f"Pull request {one.repository}#{one.number}" if one.number else f"A pull request of {one.repository}"
    return f"Deployment {one.number or one.id} of {one.repository}"


def unresolved(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Ask over REST for objects that GraphQL does not find."""
    entity, fetched = slice_.kind.removeprefix("unresolved_"), Fetched()
    for one in slice_.read(IdsArgs).ids:
        path = f"{repository_path(one.repository)}/{ENTITIES[entity].proof.format(id=one.number)}"
        if gone_status(client, path) == 0:
            fetched.skips.append(hole_of(entity, one, [Gap((), "GraphQL does not find it, but REST does")]))
    return fetched
