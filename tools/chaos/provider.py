"""Which faults are there of the provider: connections cut, answers cut, limits, a token that is refused?"""

import time
from typing import Any

from apps.jobs.models import Run
from apps.progress.choices import RunState
from tools.chaos.scene import Scene


def reset_connection(scene: Scene) -> None:
    """Connections are reset in the middle of an answer."""
    _next_answers(scene, {"type": "reset"})


def truncate_answer(scene: Scene) -> None:
    """Answers are complete HTTP with half of their JSON."""
    _next_answers(scene, {"type": "truncate"})


def storm_of_429(scene: Scene) -> None:
    """Every request is refused for some seconds, with a pause to keep or without."""
    scene.reach_request()
    action: dict[str, Any] = {"type": "status", "status": 429}
    pause = scene.chance.choice([None, 1, 3, 8])
    _script(scene, action | ({"retry_after": pause} if pause else {}), None)
    scene.note(f"429 for everything, Retry-After: {pause}")
    time.sleep(scene.chance.uniform(2, 8))
    _lift(scene)


def refuse_token(scene: Scene) -> None:
    """401 from one request on, until the run has failed with a sentence."""
    scene.reach_request()
    _script(scene, {"type": "status", "status": 401}, None)
    scene.note("401 for everything")
    scene.until(scene.has_ended, "the end of the run", 60)
    _lift(scene)
    run = Run.across_tenants.get(pk=scene.run.pk)
    if run.state == RunState.FAILED:
        scene.note(f"failed: {run.error}")
        assert "token" in run.error, f"nobody can act on: {run.error}"


def _next_answers(scene: Scene, action: dict[str, Any]) -> None:
    scene.reach_request()
    times = scene.chance.randint(1, 3)
    _script(scene, action, times)
    scene.note(f"{times} × {action['type']}")
    scene.until(lambda: scene.platform.sandbox.served("faults") >= times or scene.has_ended(), "the answers", 60)
    _lift(scene)


def _script(scene: Scene, action: dict[str, Any], times: int | None) -> None:
    rule = {"match": f"* /{scene.job_name}/", "times": times, "action": action}
    scene.platform.sandbox.control("faults", [rule])


def _lift(scene: Scene) -> None:
    made = scene.platform.sandbox.served("faults")
    scene.platform.sandbox.control("faults", [])
    scene.note(f"the provider is well again after {made} faults")
