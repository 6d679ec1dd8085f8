"""What happens to a process that dies? It is started again after growing pauses, but not for ever."""

import time
from collections.abc import Callable

from apps.stack.services.base import Service, StackError
from apps.stack.state import Condition, ProcessState

MAX_QUICK_LIFE = 10.0  # seconds; a process that ends within them died quickly
MAX_QUICK_DEATHS = 5  # in a row
MAX_PAUSE = 30.0  # seconds between two attempts


def pause_after(quick_deaths: int) -> float:
    """Seconds to wait after so many quick deaths in a row: 0.5, 0.5, 1, 2, 4 … 30."""
    return float(min(0.5 * 2 ** max(0, quick_deaths - 1), MAX_PAUSE))


class Watched:
    """A service under supervision; the supervisor calls ``tick`` several times a second."""

    def __init__(self, service: Service, announce: Callable[[str], None], url: str | None = None) -> None:
        self.service = service
        self._announce = announce
        self._url = url
        self._state: Condition = "stopped"
        self._started_at: float | None = None
        self._restarts = 0
        self._quick_deaths = 0
        self._next_start = 0.0  # on the monotonic clock
        self._launched = 0.0  # on the monotonic clock

    @property
    def is_settled(self) -> bool:
        """Whether it is ready, or will not be started again."""
        return self._state in {"ready", "crashed"}

    def describe(self) -> ProcessState:
        """Its entry in the state file."""
        return ProcessState(
            name=self.service.name,
            state=self._state,
            pid=self.service.pid,
            port=self.service.port,
            url=self._url,
            started_at=self._started_at if self.service.pid else None,
            restarts=self._restarts,
        )

    def launch(self) -> None:
        """Start it and do not wait for it."""
        self._launched, self._started_at = time.monotonic(), time.time()
        self._state = "starting"
        try:
            self.service.launch()
        except (StackError, OSError) as error:
            self._died(str(error))

    def adopt(self) -> None:
        """Watch a service that is already ready."""
        self._launched, self._started_at = time.monotonic(), time.time()
        self._become_ready()

    def tick(self) -> None:
        """Notice that it is ready or has died, or start it again when the pause is over."""
        if self._state == "starting":
            self._look_at_start()
        elif self._state == "ready" and not self.service.is_running:
            self._died(f"{self.service.name} ended with status {self.service.exit_status}")
        elif self._state == "waiting" and time.monotonic() >= self._next_start:
            self._restarts += 1
            self.launch()

    def mark_stopped(self) -> None:
        """Note that the stack has stopped it."""
        self._state = "stopped"

    def _look_at_start(self) -> None:
        try:
            if self.service.has_started():
                self._become_ready()
        except StackError as error:
            self._died(str(error))

    def _become_ready(self) -> None:
        self._state = "ready"
        where = self._url or (f"port {self.service.port}" if self.service.port else "")
        self._announce(f"{self.service.name} is ready {where}".rstrip())

    def _died(self, reason: str) -> None:
        was_quick = self._state == "starting" or time.monotonic() - self._launched < MAX_QUICK_LIFE
        self.service.kill()  # what is left of its group
        self._quick_deaths = self._quick_deaths + 1 if was_quick else 0
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            self._state = "crashed"
            deaths = f"{self.service.name} died {MAX_QUICK_DEATHS} times in a row"
            self._announce(f"{reason}\n{deaths}. It is not started again. See its log.")
            return
        self._state = "waiting"
        pause = pause_after(self._quick_deaths)
        self._next_start = time.monotonic() + pause
        self._announce(f"{reason}\n{self.service.name} starts again in {pause:g} s.")
