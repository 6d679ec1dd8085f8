"""What happens without a hole? The laboratory stores loaded states, and knows where undisturbed runs end."""

import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db.models import F
from redis import Redis

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job, Run, Watermark
from apps.jobs.proof import lines
from apps.progress.choices import RunState
from apps.tenants.services import create_tenant
from tests.inline_runs import drive
from tests.processes import TOKEN, Sandbox
from tools.chaos.snapshots import Snapshots
from tools.holes.exchange import Answer, Asked
from tools.holes.scenarios import ACCOUNTS, BEFORE, Account, Scenario
from tools.holes.tables import Tables, differences, summary, tables_of
from tools.holes.testbed import LOADED_HOURS_AGO, Testbed
from tools.holes.vectors import Vectors

EMPTY = "holes_empty"


class UnsoundError(Exception):
    """An undisturbed run does not load everything: nothing can be said about holes. The text says what is missing."""


@dataclass
class Undisturbed:
    """What a scenario leads to without a hole: the tables before and after, and everything that was asked."""

    before: Tables
    after: Tables
    exchanges: list[tuple[Asked, Answer]] = field(repr=False)

    @property
    def kinds(self) -> set[str]:
        """The kinds of requests that were made."""
        return {asked.kind for asked, _ in self.exchanges}


class Laboratory:
    """A testbed with one tenant per account, and what was learned so far."""

    def __init__(self, testbed: Testbed) -> None:
        assert testbed.services.postgres
        self.testbed, self.proxy = testbed, testbed.proxy
        self.snapshots = Snapshots(testbed.services.postgres)
        self.vectors = Vectors()
        self._undisturbed: dict[Scenario, Undisturbed] = {}
        self._fresh: dict[tuple[Account, str], Tables] = {}
        self._first_loads: dict[Account, Undisturbed] = {}
        accounts = [*ACCOUNTS, *map(beside, ACCOUNTS)]
        self._jobs = {account: self._new_job(place, account) for place, account in enumerate(accounts)}
        self.snapshots.take(EMPTY)

    def _new_job(self, place: int, account: Account) -> int:
        tenant = create_tenant(slug=f"account-{place}", name=account.name)
        integration = add_integration(
            tenant=tenant,
            provider=account.provider,
            name=account.provider,
            base_url=f"{self.proxy.base}/{account.provider}",
            username="someone@example.com" if account.provider == "jira" else "",
            token=Secret(TOKEN),
            scopes=list(account.scopes),
        )
        return create_job(integration).pk

    def job(self, account: Account) -> Job:
        """The job of an account as it is now."""
        return Job.across_tenants.select_related("tenant", "integration").get(pk=self._jobs[account])

    def tables(self, account: Account) -> Tables:
        """What is loaded for an account now."""
        return tables_of(self._integration(account))

    def _integration(self, account: Account) -> int:
        integration = self.job(account).integration_id
        assert integration is not None
        return integration

    # --- states -------------------------------------------------------------------------------------------------------

    def begin(self, scenario: Scenario) -> None:
        """Restore the state before a scenario: nothing loaded, or what the sandbox had two days ago."""
        name = EMPTY
        if scenario.is_loaded:
            self._first_load(scenario.account)
            name = _loaded(scenario.account)
        self.restore(name, scenario.account, self.testbed.sandbox(scenario.world, scenario.account.provider))

    def _first_load(self, account: Account) -> Undisturbed:
        """Load an account undisturbed once, and store the state two days later."""
        if account not in self._first_loads:
            self.restore(EMPTY, account, self.testbed.sandbox(BEFORE, account.provider))
            before = self.tables(account)
            self._complete(self.run(account))
            self._first_loads[account] = Undisturbed(before, self.tables(account), self.proxy.recording.exchanges)
            self.pass_time(account, LOADED_HOURS_AGO)
            self.snapshots.take(_loaded(account))
            self.vectors.keep()
        return self._first_loads[account]

    def restore(self, name: str, account: Account, sandbox: Sandbox) -> None:
        """Put back a stored state; from now on the proxy asks ``sandbox``, without a hole."""
        self.snapshots.put_back(name)
        self.vectors.put_back()
        for variable in ("REDIS_URL", "CELERY_BROKER_URL"):
            Redis.from_url(os.environ[variable]).flushdb()
        sandbox.control("reset-stats")
        self.proxy.begin(sandbox.port, with_graphql=account.with_graphql)

    def pass_time(self, account: Account, hours: float) -> None:
        """Let time pass: everything that was known up to a moment was known up to an earlier one."""
        known = Watermark.across_tenants.filter(integration=self._integration(account))
        known.update(synced_at=F("synced_at") - timedelta(hours=hours))

    # --- runs ---------------------------------------------------------------------------------------------------------

    def run(self, account: Account, *, with_sweep: bool = False) -> Run:
        """A whole run, to its end or until it has waited too often for the provider."""
        request = RunRequest(RunMode.INCREMENTAL, sweep=with_sweep)
        return drive(services.start(self.job(account), actor="holes", request=request))

    def _complete(self, run: Run) -> None:
        if run.state != RunState.FINISHED or run.outcome != Outcome.COMPLETE:
            raise UnsoundError(
                f"An undisturbed run of {run.job.name} ended {run.state} {run.outcome}: {message_of(run)}"
            )

    # --- what is right ------------------------------------------------------------------------------------------------

    def undisturbed(self, scenario: Scenario) -> Undisturbed:
        """What a scenario leads to without a hole. Raises :class:`UnsoundError` if that differs from a fresh load."""
        if not scenario.is_loaded:
            return self._first_load(scenario.account)
        if scenario not in self._undisturbed:
            self.begin(scenario)
            before = self.tables(scenario.account)
            self._complete(self.run(scenario.account, with_sweep=scenario.with_sweep))
            exchanges, after = self.proxy.recording.exchanges, self.tables(scenario.account)
            missed = list(differences(self.right(scenario), after))
            if missed:
                raise UnsoundError(f"{scenario.title} differs from a fresh load: {summary(missed)}")
            self._undisturbed[scenario] = Undisturbed(before, after, exchanges)
        return self._undisturbed[scenario]

    def right(self, scenario: Scenario) -> Tables:
        """Where a scenario must end: what a fresh full load has, and the people who were loaded before.

        Nothing says that a person is gone: GitHub has no list of people, only what they wrote.
        """
        fresh = self.fresh(scenario.account, scenario.world)
        if not scenario.is_loaded:
            return fresh
        return {**fresh, "user": self._first_load(scenario.account).after["user"] | fresh["user"]}

    def fresh(self, account: Account, world: str) -> Tables:
        """What a fresh full load has."""
        if world == BEFORE:
            return self._first_load(account).after
        if (account, world) not in self._fresh:
            self.restore(EMPTY, account, self.testbed.sandbox(world, account.provider))
            self._complete(self.run(account))
            self._fresh[account, world] = self.tables(account)
        return self._fresh[account, world]

    def load_beside(self, account: Account) -> Tables:
        """What a fresh full load of the present sandbox has; the state of the account stays as it is."""
        self._complete(self.run(beside(account)))
        return self.tables(beside(account))


def beside(account: Account) -> Account:
    """The same account once more, of another tenant."""
    return replace(account, name=f"{account.name}, beside")


def _loaded(account: Account) -> str:
    return f"holes_loaded_{ACCOUNTS.index(account)}"


def message_of(run: Run) -> str:
    """Everything that a run says about what is missing: its error, its skips, its wait, its proof."""
    skips: list[Any] = [f"{skip.get('scope', '')} {skip.get('reason', '')}" for skip in run.skips]
    return " / ".join(filter(None, [run.error, *skips, run.waiting_for, *lines.sentences(lines.decode(run.proof))]))
