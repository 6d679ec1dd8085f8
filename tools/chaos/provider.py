"""Which faults does the provider make? It cuts connections and answers, sets limits, refuses a token."""

import time
from typing import Any

from apps.jobs.models import Run
from apps.progress.choices import RunState
from tools.chaos.scenario import Scenario


def reset_connection(scenario: Scenario) -> None:
    """The provider resets connections in the middle of an answer."""
    _next_answers(scenario, {"type": "reset"})


def truncate_answer(scenario: Scenario) -> None:
    """The provider sends complete HTTP answers with half of their JSON."""
    _next_answers(scenario, {"type": "truncate"})


def storm_of_429(scenario: Scenario) -> None:
    """The provider refuses every request for some seconds, with or without a Retry-After."""
    scenario.reach_request()
    action: dict[str, Any] = {"type": "status", "status": 429}
    pause = scenario.chance.choice([None, 1, 3, 8])
    _script(scenario, action | ({"retry_after": pause} if pause else {}), None)
    scenario.note(f"429 for everything, Retry-After: {pause}")
    time.sleep(scenario.chance.uniform(2, 8))
    _lift(scenario)


def refuse_token(scenario: Scenario) -> None:
    """The provider answers 401 from one request on, until the run has failed with a sentence."""
    scenario.reach_request()
    _script(scenario, {"type": "status", "status": 401}, None)
    scenario.note("401 for everything")
    scenario.until(scenario.has_ended, "the end of the run", 60)
    _lift(scenario)
    run = Run.across_tenants.get(pk=scenario.run.pk)
    if run.state == RunState.FAILED:
        scenario.note(f"failed: {run.error}")
        assert "token" in run.error, f"nobody can act on: {run.error}"


def _next_answers(scenario: Scenario, action: dict[str, Any]) -> None:
    scenario.reach_request()
    times = scenario.chance.randint(1, 3)
    _script(scenario, action, times)
    scenario.note(f"{times} × {action['type']}")
    scenario.until(
        lambda: scenario.platform.sandbox.served("faults") >= times or scenario.has_ended(), "the answers", 60
    )
    _lift(scenario)


def _script(scenario: Scenario, action: dict[str, Any], times: int | None) -> None:
    rule = {"match": f"* /{scenario.job_name}/", "times": times, "action": action}
    scenario.platform.sandbox.control("faults", [rule])


def _lift(scenario: Scenario) -> None:
    made = scenario.platform.sandbox.served("faults")
    scenario.platform.sandbox.control("faults", [])
    scenario.note(f"the provider works again after {made} faults")
