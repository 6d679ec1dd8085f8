"""Do several tokens carry a run through its limits, and does a run that has to wait hold no worker?"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.core.crypto import Secret
from apps.core.redis import redis_client
from apps.integrations.models import Integration, Token
from apps.integrations.services import set_token
from apps.jobs.choices import RunMode
from apps.progress.choices import RunState
from apps.progress.models import RunProgress
from tests import platform as platforms
from tests.platform import Platform, loaded_tables, table_rows
from tests.processes import Sandbox, until

# Enough that a token is used up in the middle.
SANDBOX = {"issues": 200, "prs": 60}
FIRST, SECOND = "sandbox-token", "sandbox-token-2"


@pytest.fixture(scope="module")
def undisturbed(platform: Platform) -> dict[str, list[tuple[object, ...]]]:
    run = platform.run("github")
    assert (run.state, run.error) == (RunState.FINISHED, "")
    return {table: table_rows(table) for table in loaded_tables()}


@pytest.fixture
def integration(platform: Platform, undisturbed: dict[str, Any]) -> Iterator[Integration]:
    """The GitHub connection with two tokens."""
    platforms.forget_limits()
    platform.sandbox.control("reset-stats")
    found = platform.job("github").integration
    assert found
    set_token(integration=found, label="spare", token=Secret(SECOND))
    yield found
    platform.sandbox.control("reset-stats")
    platform.sandbox.control("faults", [])
    platforms.forget_limits()
    Token.across_tenants.filter(label="spare").delete()
    Token.across_tenants.update(refused_at=None, problem="", expires_at=None)


def served(sandbox: Sandbox) -> dict[str, int]:
    """How many requests each token has made."""
    return {token: state["served"] for token, state in sandbox.tokens().items()}


def pauses() -> list[bytes]:
    """The rate limits under which a request must wait."""
    client = redis_client()
    return [key for key in client.scan_iter("rate_limit:*:state") if client.hexists(key, "until")]


def test_a_token_that_is_used_up_in_the_middle_delays_nothing(
    integration: Integration, platform: Platform, undisturbed: dict[str, Any]
) -> None:
    # All requests after the third are held until the first token is used up.
    hold = {"match": "* /github/", "skip": 3, "action": {"type": "delay", "ms": 5000}}
    platform.sandbox.control("faults", [hold])
    run = platform.start("github", RunMode.FULL)
    until(lambda: served(platform.sandbox)[FIRST] >= 3, "the first token to be in use")
    platform.sandbox.tokens(token=FIRST, remaining=0)
    platform.sandbox.control("faults", [])
    waits = set()

    def has_ended() -> bool:
        run.refresh_from_db()
        waits.add(run.waiting_for)
        return run.state not in (RunState.PENDING, RunState.RUNNING)

    until(has_ended, "the end of the run")
    assert (run.state, run.error, waits) == (RunState.FINISHED, "", {""})
    assert len(pauses()) == 1, "only the first token was refused"
    assert served(platform.sandbox)[SECOND] > served(platform.sandbox)[FIRST]
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_when_all_tokens_are_used_up_the_run_waits_without_a_worker_and_then_goes_on(
    integration: Integration, platform: Platform, undisturbed: dict[str, Any]
) -> None:
    for token in (FIRST, SECOND):
        platform.sandbox.tokens(token=token, remaining=4, seconds=20)
    run = platform.start("github", RunMode.FULL)

    def explained() -> str:
        run.refresh_from_db()
        is_waiting = run.not_before and run.driver is None
        return RunProgress.across_tenants.get(pk=run.pk).waiting if is_waiting else ""

    waiting = until(explained, "the pause without a worker, and its sentence")
    assert run.not_before
    assert timedelta(0) < run.not_before - datetime.now(UTC) < timedelta(seconds=30)
    # The page has the time from ``not_before``; the reason says who asked, and why.
    assert waiting.startswith("github asks for a pause, because")
    # The last answer decides: one that announced the limit, or a refusal that was on its way.
    assert re.search("used up|rate limit exceeded", waiting)
    asked = sum(served(platform.sandbox).values())
    assert platform.ended(run).state == RunState.FINISHED
    assert run.error == ""
    assert sum(served(platform.sandbox).values()) > asked
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_a_token_that_is_revoked_in_the_middle_is_set_aside_and_named(
    integration: Integration, platform: Platform, undisturbed: dict[str, Any]
) -> None:
    platform.sandbox.tokens(token=FIRST, revoked=True)
    run = platform.run("github", RunMode.FULL)
    assert (run.state, run.error) == (RunState.FINISHED, "")
    refused = Token.across_tenants.get(integration=integration, label="main")
    assert refused.refused_at
    assert "does not accept the token" in refused.problem
    assert {table: table_rows(table) for table in loaded_tables()} == undisturbed


def test_expired_tokens_fail_the_run_before_its_first_request(integration: Integration, platform: Platform) -> None:
    Token.across_tenants.filter(integration=integration).update(expires_at=datetime.now(UTC) - timedelta(days=1))
    platform.sandbox.control("reset-stats")
    run = platform.run("github", RunMode.FULL)
    assert run.state == RunState.FAILED
    assert "expired on" in run.error
    assert "Create a new one" in run.error
    assert sum(served(platform.sandbox).values()) == 0
