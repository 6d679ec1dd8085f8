"""How do tests control the sandbox while it runs? By the endpoints under `/_sandbox/`."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from apps.sandbox.clock import OFFSET
from apps.sandbox.data.world import World
from apps.sandbox.faults import FaultScript, FaultScriptError
from apps.sandbox.gate import Gate
from apps.sandbox.github.api import GitHubApi
from apps.sandbox.http import json_reply
from apps.sandbox.jira.api import JiraApi
from apps.sandbox.mutate import MutationError, Mutator, Order
from apps.sandbox.tokens import SampleTokens, TokenOrder
from apps.sandbox.truth import Truth


class ControlApi:
    """Counts, truth, faults, tokens, latency, clock and mutations; they need no credentials."""

    def __init__(self, world: World, gate: Gate, jira: JiraApi, github: GitHubApi, tokens: SampleTokens) -> None:
        self.world = world
        self.gate = gate
        self.all_tokens = tokens
        self.truth = Truth(world)
        self.mutator = Mutator(world, jira.forget, github.forget)

    def routes(self) -> list[BaseRoute]:
        """All control endpoints."""
        return [
            Route("/stats", self.stats), Route("/reset-stats", self.reset, methods=["POST"]),
            Route("/truth", self.counts), Route("/truth/{kind}", self.ids),
            Route("/faults", self.faults, methods=["GET", "POST"]),
            Route("/tokens", self.tokens, methods=["GET", "POST"]),
            Route("/latency", self.latency, methods=["POST"]), Route("/clock", self.clock, methods=["POST"]),
            Route("/mutate", self.mutate, methods=["POST"]),
        ]  # fmt: skip

    async def stats(self, request: Request) -> Response:
        """Requests and bytes since the last reset."""
        return json_reply(self.gate.stats.as_json())

    async def reset(self, request: Request) -> Response:
        """Reset the counts and the tokens."""
        self.gate.stats.reset()
        self.all_tokens.reset()
        return json_reply({"reset": True})

    async def counts(self, request: Request) -> Response:
        """The exact number of everything."""
        return json_reply(self.truth.counts())

    async def ids(self, request: Request) -> Response:
        """The ids of one kind."""
        kind = request.path_params["kind"]
        if kind not in self.truth.kinds:
            return _refuse(f"Unknown kind '{kind}'. Known are: {', '.join(self.truth.kinds)}.", 404)
        return json_reply(self.truth.ids(kind))

    async def faults(self, request: Request) -> Response:
        """Show the fault script in use, or replace it; `[]` ends all faults."""
        if request.method == "POST":
            try:
                self.gate.faults = FaultScript.from_json(await request.body())
            except FaultScriptError as error:
                return _refuse(str(error))
        return json_reply(self.gate.faults.state())

    async def tokens(self, request: Request) -> Response:
        """Show the tokens, or change one: its remaining requests, its expiry, its revocation."""
        accounts = self.all_tokens.accounts
        if request.method == "POST":
            try:
                order = msgspec.json.decode(await request.body(), type=TokenOrder)
            except msgspec.DecodeError as error:
                return _refuse(f"The token cannot be changed: {error}")
            if order.token not in accounts:
                return _refuse(f"Unknown token. Known are: {', '.join(accounts)}.", 404)
            accounts[order.token].change(order)
        return json_reply({token: account.as_json() for token, account in accounts.items()})

    async def latency(self, request: Request) -> Response:
        """Set the milliseconds that are added to every answer: {"ms": 50}."""
        value = _decode(await request.body())
        ms = value.get("ms") if isinstance(value, dict) else None
        if not isinstance(ms, int | float) or ms < 0:
            return _refuse('Send {"ms": milliseconds, 0 or more}.')
        self.gate.latency_ms = float(ms)
        return json_reply({"ms": ms})

    async def clock(self, request: Request) -> Response:
        """Set how many minutes the providers' clock is ahead of the true time: {"minutes": -10} is behind."""
        value = _decode(await request.body())
        minutes = value.get("minutes") if isinstance(value, dict) else None
        if not isinstance(minutes, int | float):
            return _refuse('Send {"minutes": minutes}, negative for a clock that is behind.')
        OFFSET.ms = int(minutes * 60_000)
        return json_reply({"minutes": minutes})

    async def mutate(self, request: Request) -> Response:
        """Change the world as people do, and return what was done."""
        try:
            order = msgspec.json.decode(await request.body() or b"{}", type=Order)
            return json_reply(self.mutator.run(order))
        except (msgspec.DecodeError, MutationError) as error:
            return _refuse(f"The mutation cannot be done: {error}")


def _decode(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None


def _refuse(message: str, status: int = 400) -> Response:
    return json_reply({"error": message}, status)
