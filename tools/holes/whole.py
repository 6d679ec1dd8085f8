"""Which holes concern a whole provider, not one kind of request? A wrong clock, and equal ids in two id spaces."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from apps.jobs.choices import Outcome
from tests.processes import Sandbox
from tools.holes.aim import Ask
from tools.holes.exchange import Answer, Asked
from tools.holes.judge import outcome_of
from tools.holes.laboratory import EMPTY, Laboratory, message_of
from tools.holes.results import AT_ONCE, NEXT_RUN, NEXT_SWEEP, NOT_HEALED, Result, title
from tools.holes.scenarios import BEFORE, CHANGES, EDITS, FIRST, GITHUB, GITHUB_REST, JIRA, Account
from tools.holes.tables import Tables, differences, summary
from tools.holes.testbed import CHANGED_SHARE, DATA

EVERY_REQUEST = "every request"
MINUTES_OFF = 10
EQUAL_IDS = "equal ids"


@dataclass(frozen=True)
class WholeCell:
    """A hole of a whole provider; ``minutes`` is how far its clock is ahead (0: the hole is equal ids)."""

    account: Account
    minutes: int = 0

    @property
    def name(self) -> str:
        """The hole's name."""
        if not self.minutes:
            return EQUAL_IDS
        return f"clock {MINUTES_OFF} min {'ahead' if self.minutes > 0 else 'behind'}"

    @property
    def scenario(self) -> str:
        """The title of its scenario."""
        return f"{self.account.name}: {CHANGES if self.minutes else FIRST}"

    @property
    def kind(self) -> str:
        """What stands for the kind of request."""
        return f"{EVERY_REQUEST} ({self.account.name})"

    @property
    def title(self) -> str:
        """What the hole test prints of it."""
        return title(self.scenario, self.kind, self.name)


WHOLE_CELLS = tuple(
    WholeCell(account, minutes) for account in (JIRA, GITHUB, GITHUB_REST) for minutes in (-MINUTES_OFF, MINUTES_OFF)
) + tuple(WholeCell(account) for account in (GITHUB, GITHUB_REST))


def try_whole(laboratory: Laboratory, cell: WholeCell) -> Result:
    """The result of such a cell."""
    began = time.monotonic()
    result = Result(scenario=cell.scenario, kind=cell.kind, hole=cell.name)
    attempt = _with_wrong_clock if cell.minutes else _with_equal_ids
    try:
        result.problems = list(attempt(laboratory, cell, result))
    except Exception as error:  # the other cells still have to be tried
        result.problems = [f"The cell broke: {type(error).__name__}: {error}"[:600]]
    result.seconds = time.monotonic() - began
    return result


# --- a wrong clock ----------------------------------------------------------------------------------------------------


def _with_wrong_clock(laboratory: Laboratory, cell: WholeCell, result: Result) -> Iterator[str]:
    """A load, changes right after it by the provider's clock, and the next run."""
    account, before = cell.account, laboratory.fresh(cell.account, BEFORE)
    with Sandbox(laboratory.testbed.folder, **DATA) as sandbox:
        sandbox.control("clock", {"minutes": cell.minutes})
        laboratory.restore(EMPTY, account, sandbox)
        run = laboratory.run(account)
        if missed := list(differences(before, laboratory.tables(account))):
            yield f"The first load ended {outcome_of(run)}: {summary(missed)}"
        sandbox.control(
            "mutate", {"seed": laboratory.testbed.seed, "share": CHANGED_SHARE, "kinds": [*EDITS[account.provider]]}
        )
        wanted: Tables | None = None
        for name, with_sweep in ((AT_ONCE, False), (NEXT_RUN, False), (NEXT_SWEEP, True)):
            run = laboratory.run(account, with_sweep=with_sweep)
            found = laboratory.tables(account)
            wanted = wanted or laboratory.load_beside(account)
            missed = list(differences(wanted, found))
            if name == AT_ONCE:
                result.outcome, result.message = outcome_of(run), message_of(run)[:1500]
                if missed and outcome_of(run) == Outcome.COMPLETE:
                    yield f"complete, but {summary(missed)}"
            if not missed and outcome_of(run) == Outcome.COMPLETE:
                result.healed = name
                return
        result.healed = NOT_HEALED
        yield f"Not healed; the sweep ended {outcome_of(run)}: {summary(missed)}"


# --- equal ids --------------------------------------------------------------------------------------------------------


def _with_equal_ids(laboratory: Laboratory, cell: WholeCell, result: Result) -> Iterator[str]:
    """A conversation comment has the number of a review comment of another pull request."""
    account = cell.account
    wanted = without_comment_ids(laboratory.fresh(account, BEFORE))
    conversation, review = _two_comments(laboratory.fresh(account, BEFORE))
    result.healed = AT_ONCE
    laboratory.restore(EMPTY, account, laboratory.testbed.sandbox(BEFORE, account.provider))
    laboratory.proxy.disturb = Renumber(conversation, review)
    for what, with_sweep in (("first load", False), ("sweep", True)):
        run = laboratory.run(account, with_sweep=with_sweep)
        result.outcome, result.message = outcome_of(run), message_of(run)[:1500]
        if missed := list(differences(wanted, without_comment_ids(laboratory.tables(account)))):
            yield f"The {what} ended {outcome_of(run)}: {summary(missed)}"


def _two_comments(tables: Tables) -> tuple[str, str]:
    """The numbers of a conversation comment and of a review comment of another pull request."""
    rows = tables["pull_request_comment"].values()
    numbers = {kind: [(_number(row["external_id"]), row["pull_request"]) for row in rows if row["kind"] == kind]
               for kind in ("issue", "review")}  # fmt: skip
    conversation, pull_request = numbers["issue"][0]
    return conversation, next(number for number, owner in numbers["review"] if owner != pull_request)


def _number(external_id: str) -> str:
    return str(re.findall(r"\d+", external_id)[-1])


@dataclass(frozen=True)
class Renumber:
    """Gives the conversation comment ``old`` the number ``new`` in every answer."""

    old: str
    new: str

    def __call__(self, asked: Asked, ask: Ask) -> Answer:
        path = asked.path
        if path.endswith(f"/issues/comments/{self.new}"):
            path = path.replace(self.new, self.old)
        answer = ask(replace(asked, path=path))
        return replace(answer, body=answer.body.replace(self.old.encode(), self.new.encode()))


def without_comment_ids(tables: Tables) -> Tables:
    """The same tables; comments are named by their content, not by their ids."""
    comments = sorted(
        ({**row, "external_id": "", "url": ""} for row in tables["pull_request_comment"].values()),
        key=lambda row: (row["pull_request"], row["kind"], row["created_at"], row["body"]),
    )
    named = {f"{row['pull_request']} {row['kind']} {place}": row for place, row in enumerate(comments)}
    return {**tables, "pull_request_comment": named}
