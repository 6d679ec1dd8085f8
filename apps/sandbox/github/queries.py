"""Which fields can a GraphQL query begin with?"""

from operator import itemgetter
from typing import Any

from apps.sandbox.data.catalogue import ORGANISATION
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import SampleRepository
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json
from apps.sandbox.github.executor import Fields, Getter, QueryError
from apps.sandbox.github.views import DeploymentPlace, OwnerView, PlacedItem

MAX_IDS = 100
_LIMIT_FIELDS = ("cost", "limit", "nodeCount", "remaining", "resetAt", "used")


def _missing(what: str, name: str) -> QueryError:
    return QueryError("NOT_FOUND", f"Could not resolve to {what} '{name}'.", [])


def _item(name: str) -> Getter:
    get = itemgetter(name)
    return lambda r, a: get(r)


class Queries:
    """The fields of Query; the root record is the state of the rate limit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._index: dict[str, Any] = {}
        self._indexed_version = -1

    def fields(self) -> Fields:
        """The getters of Query and RateLimit."""
        query: dict[str, Getter] = {
            "viewer": lambda r, a: self.world.staff.viewer,
            "rateLimit": lambda r, a: r,
            "repository": self._repository,
            "user": self._user,
            "organization": self._organization,
            "repositoryOwner": self._owner,
            "node": lambda r, a: self._node(a["id"]),
            "nodes": lambda r, a: self._nodes(a["ids"]),
        }
        return {"Query": query, "RateLimit": {name: _item(name) for name in _LIMIT_FIELDS}}

    def _repository(self, root: Json, given: Json) -> SampleRepository:
        hub = self.world.hub
        found = hub.find(given["owner"], given["name"])
        if found is None and given.get("followRenames", True):
            found = hub.find_renamed(given["owner"], given["name"])
        if found is None:
            raise _missing("a Repository with the name", f"{given['owner']}/{given['name']}")
        return found

    def _user(self, root: Json, given: Json) -> SamplePerson:
        found = next((p for p in self.world.staff.coders if p.login == given["login"].lower()), None)
        if found is None:
            raise _missing("a User with the login of", given["login"])
        return found

    def _organization(self, root: Json, given: Json) -> OwnerView:
        if given["login"].lower() != ORGANISATION:
            raise _missing("an Organization with the login of", given["login"])
        return OwnerView()

    def _owner(self, root: Json, given: Json) -> OwnerView | SamplePerson:
        if given["login"].lower() == ORGANISATION:
            return OwnerView()
        return self._user(root, given)

    def _nodes(self, numbers: list[str]) -> list[Any]:
        """At most a hundred nodes; an unknown id gives an error in its place."""
        if len(numbers) > MAX_IDS:
            raise QueryError("ARGUMENT_LIMIT", f"You may not provide more than {MAX_IDS} node ids; you provided "
                             f"{len(numbers)}.", [], is_fatal=True)  # fmt: skip
        found: list[Any] = []
        for number in numbers:
            try:
                found.append(self._node(number))
            except QueryError as error:
                found.append(error)
        return found

    def _node(self, number: str) -> Any:
        if self._indexed_version != self.world.version:
            self._index = _all_nodes(self.world)
            self._indexed_version = self.world.version
        if number not in self._index:
            raise _missing("a node with the global id of", number)
        return self._index[number]


def _all_nodes(world: World) -> dict[str, Any]:
    """Every record that has a node id."""
    found: dict[str, Any] = {p.node_id: p for p in world.staff.everybody if p.node_id}
    for repository in world.hub.everything:
        found[repository.node_id] = repository
        found |= {t.node_id: t for t in repository.tickets}
        found |= {x.node_id: PlacedItem(repository, x) for x in repository.releases}
        found |= {d.node_id: DeploymentPlace(repository, d) for d in repository.deployments}
        found |= {run.node_id: run for run in repository.runs}
        for pull in repository.pulls:
            found[pull.node_id] = pull
            items: list[Any] = [*pull.reviews, *pull.remarks, *pull.notes, *pull.threads]
            found |= {item.node_id: PlacedItem(pull, item) for item in items}
    return found
