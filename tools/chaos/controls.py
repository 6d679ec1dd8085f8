"""Which faults are there of people: buttons pressed while the run ends by itself, several at once?"""

import threading
from collections.abc import Callable, Sequence

from django.db import connection

from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.models import Job, Run
from tools.chaos.scene import Scene

Control = Callable[..., Run]


def race_pause(scene: Scene) -> None:
    """Paused as it ends; two people press at once."""
    _race(scene, services.pause, services.pause)


def race_resume(scene: Scene) -> None:
    """Paused, then resumed by two people at once."""
    _race(scene, services.pause)
    _press(scene, services.resume, services.resume)


def race_stop(scene: Scene) -> None:
    """Stopped as it ends, while somebody pauses it."""
    _race(scene, services.stop, scene.chance.choice([services.stop, services.pause]))


def _race(scene: Scene, *controls: Control) -> None:
    # Half of them close to the end.
    scene.reach(*scene.chance.choice([(0.0, 90.0), (90.0, 100.0)]))
    _press(scene, *controls)


def _press(scene: Scene, *controls: Control) -> None:
    """All at the same moment; what the state does not allow is refused with a sentence."""
    barrier = threading.Barrier(len(controls))
    threads = [threading.Thread(target=_ask, args=(scene, control, scene.job, barrier)) for control in controls]
    _all(threads)


def _all(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask(scene: Scene, control: Control, job: Job, barrier: threading.Barrier) -> None:
    try:
        barrier.wait(5)
        control(job, actor="chaos")
        scene.note(f"{control.__name__}: done")
    except WrongStateError as refused:
        scene.note(f"{control.__name__}: {refused}")
    finally:
        connection.close()
