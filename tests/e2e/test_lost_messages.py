"""Does a page that hears only some messages, some twice and some late, still show what is stored?

The page's own scripts take part: its socket is fed with the messages of a real run, spoilt by a seeded chance, and
the questions that it asks are answered as the server would.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from apps.jobs.choices import RunMode
from apps.tenants.models import Role
from tests.platform import Platform
from tests.recorder import Recorder

SPOILT = 0.2
Message = dict[str, Any]


@pytest.fixture(scope="module")
def recorded(platform: Platform) -> list[Message]:
    """Every message of a whole run that was also paused and resumed, in order."""
    with Recorder(platform.tenant.pk) as recorder:
        run = platform.run("jira", RunMode.FULL)
    return recorder.of_run(run.pk)


def spoil(messages: list[Message], chance: random.Random) -> list[Message]:
    """One message in five is dropped, one doubled, one delayed behind later ones."""
    spoilt: list[tuple[float, Message]] = []
    for position, message in enumerate(messages):
        drawn = chance.random()
        if drawn < SPOILT:
            continue
        late = chance.uniform(1, 6) if drawn > 1 - SPOILT else 0.0
        spoilt.append((position + late, message))
        if SPOILT < drawn < 2 * SPOILT:
            spoilt.append((position + chance.uniform(0, 4), message))
    return [message for _, message in sorted(spoilt, key=lambda pair: pair[0])]


class Server:
    """The other end of the page's socket: it tells what it is given, and answers with the state of that moment."""

    def __init__(self, page: Page, recorded: list[Message]) -> None:
        self.recorded, self.newest = recorded, recorded[0]
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/ws/jobs/"), self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(self._answer)

    def _answer(self, question: str | bytes) -> None:
        if json.loads(question)["run"] == self.newest["run"]:
            self.tell([self.newest | {"type": "snapshot"}])

    def tell(self, messages: list[Message]) -> None:
        """Send one frame."""
        self.newest = max(self.newest, *messages, key=lambda message: int(message["seq"]))
        self.sockets[-1].send(json.dumps(messages))


@pytest.mark.parametrize("seed", range(4))
def test_a_page_ends_in_the_stored_state(visit: Callable[..., Page], recorded: list[Message], seed: int) -> None:
    heard = spoil(recorded, random.Random(seed))
    final = recorded[-1]
    page = visit(Role.VIEWER)
    server = Server(page, recorded)
    page.goto(f"/jobs/{final['job']}/")
    page.evaluate(WATCH)
    for start in range(0, len(heard), 5):
        server.tell(heard[start : start + 5])
    server.tell([final])  # the server repeats it until it is known: it ends the run
    expect(page.locator(".page-head .state")).to_contain_text("Finished")
    expect(page.locator(".progress [data-live=percent]")).to_have_text("100 %")
    for step, stages in final["steps"].items():
        for stage, state in stages.items():
            cell = page.locator(f"[data-step={step}][data-stage={stage}] [data-live=cell-state]")
            expect(cell).to_have_attribute("data-state", state)
    percents: list[float] = page.evaluate("() => window.percents")
    assert percents == sorted(percents)


# Every value that the bar has had.
WATCH = """() => {
  window.percents = [];
  const bar = document.querySelector(".progress .bar");
  new MutationObserver(() => window.percents.push(Number(bar.getAttribute("aria-valuenow"))))
    .observe(bar, { attributes: true, attributeFilter: ["aria-valuenow"] });
}"""
