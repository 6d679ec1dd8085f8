"""Which faults do people make? They press buttons while the run ends by itself, several at once."""

import threading
from collections.abc import Callable

from django.db import connection

from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.models import Job, Run
from tools.chaos.scenario import Scenario

Control = Callable[..., Run]


def race_pause(scenario: Scenario) -> None:
    """Two people pause the run while it ends."""
    _race(scenario, services.pause, services.pause)


def race_resume(scenario: Scenario) -> None:
    """The run is paused, then two people resume it at once."""
    _race(scenario, services.pause)
    _press(scenario, services.resume, services.resume)


def race_stop(scenario: Scenario) -> None:
    """One person stops the run while it ends; another stops or pauses it."""
    _race(scenario, services.stop, scenario.chance.choice([services.stop, services.pause]))


def _race(scenario: Scenario, *controls: Control) -> None:
    # In half of the cases close to the end.
    scenario.reach(*scenario.chance.choice([(0.0, 90.0), (90.0, 100.0)]))
    _press(scenario, *controls)


def _press(scenario: Scenario, *controls: Control) -> None:
    """Call all controls at the same moment. A control that the state does not allow is refused with a sentence."""
    barrier = threading.Barrier(len(controls))
    threads = [threading.Thread(target=_ask, args=(scenario, control, scenario.job, barrier)) for control in controls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask(scenario: Scenario, control: Control, job: Job, barrier: threading.Barrier) -> None:
    try:
        barrier.wait(5)
        control(job, actor="chaos")
        scenario.note(f"{control.__name__}: done")
    except WrongStateError as refused:
        scenario.note(f"{control.__name__}: {refused}")
    finally:
        connection.close()
