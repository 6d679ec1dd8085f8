"""How do all processes of the product start, stay up and stop together?"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from apps.stack.environment import flower_password, product_environment, provided, write_env_file
from apps.stack.ports import free_port
from apps.stack.processes import PRODUCT, Program, StackPlan
from apps.stack.services.base import StackError
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.state import Phase, StackState, read_state, supervision, write_state
from apps.stack.watch import Watched

_TICK = 0.1  # seconds
_MAX_PREPARATION = 600.0  # seconds; migrations of large tables take long


class AlreadyUpError(StackError):
    """Another supervisor already runs in this data folder."""


class _StopRequestedError(Exception):
    """SIGTERM or Ctrl-C came."""


class Supervisor:
    """All processes of one data folder. The main thread calls ``run`` and stays in it.

    ``user`` is the environment of the user: the processes inherit it, and the servers that it names replace embedded
    ones. ``announce`` gets a line for every event.
    """

    def __init__(
        self, data: Path, user: Mapping[str, str], announce: Callable[[str], None], plan: StackPlan = PRODUCT
    ) -> None:
        self._data = data.resolve()
        self._user = user
        self._announce = announce
        self._plan = plan
        self._embedded: list[Watched] = []
        self._programs: list[Watched] = []
        self._phase: Phase = "starting"
        self._message = ""
        self._ports: dict[str, int] = {}
        self._written: StackState | None = None
        self._stop_requested = False

    def run(self, on_ready: Callable[[StackState], None]) -> None:
        """Start everything, call ``on_ready``, keep everything up until SIGTERM or SIGINT, then stop it.

        Raises ``AlreadyUpError``, or ``StackError`` when a service or a preparation fails.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        with supervision(self._data) as ours:
            if not ours:
                raise AlreadyUpError(f"The stack in {self._data} is already up.")
            self._ports = state.ports if (state := read_state(self._data)) else {}
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            try:
                self._start()
                self._phase = "ready"
                self._publish()
                on_ready(self._snapshot())
                while True:
                    self._tick()
            except _StopRequestedError:
                self._phase = "stopping"
            except (StackError, OSError) as error:
                self._phase, self._message = "failed", str(error)
                raise
            finally:
                self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True

    # --- up ---

    def _start(self) -> None:
        services = EmbeddedServices(self._data, ports=self._ports, without=provided(self._user))
        self._embedded = [Watched(service, self._announce) for service in services.all]
        web_port, flower_port = free_port(self._ports.get("web")), free_port(self._ports.get("flower"))
        self._ports |= {service.name: service.port for service in services.all if service.port}
        self._ports |= {"web": web_port, "flower": flower_port}
        environment = product_environment(self._data, services.env, web_port, flower_port, self._user)
        write_env_file(self._data, environment)
        self._bring_up_services()
        everything = {**self._user, **environment}
        for step in self._plan.preparations(self._data, everything):
            self._prepare(step)
        programs = self._plan.programs(self._data, everything, web_port, flower_port, flower_password(self._data))
        urls = {"web": environment["DASHBOARD_URL"], "flower": environment["FLOWER_URL"]}
        self._programs = [Watched(program, self._announce, urls.get(program.name)) for program in programs]
        for watched in self._programs:
            watched.launch()
        while not all(watched.is_settled for watched in self._programs):
            self._tick()

    def _bring_up_services(self) -> None:
        """Start the embedded services side by side. The product needs all of them, so a failure is final."""
        for watched in reversed(self._embedded):  # PostgreSQL prepares longest, so the others start before it
            watched.service.launch()
        for watched in self._embedded:
            while not watched.service.has_started():
                self._pause()
            watched.adopt()

    def _prepare(self, step: Program) -> None:
        """Run ``step`` to its end and watch the other processes meanwhile; raises ``StackError``."""
        step.launch()
        deadline = time.monotonic() + _MAX_PREPARATION
        try:
            while (status := step.exit_status) is None:
                if time.monotonic() > deadline:
                    raise step.failure(f"it took longer than {_MAX_PREPARATION:.0f} s")
                self._tick()
        finally:
            step.stop()
        if status:
            raise step.failure(f"it ended with status {status}")
        self._announce(f"{step.name} is done")

    # --- while up ---

    def _tick(self) -> None:
        for watched in (*self._embedded, *self._programs):
            watched.tick()
        self._publish()
        self._pause()

    def _pause(self) -> None:
        if self._stop_requested:
            raise _StopRequestedError
        time.sleep(_TICK)

    def _snapshot(self) -> StackState:
        processes = [watched.describe() for watched in (*self._embedded, *self._programs)]
        return StackState(
            pid=os.getpid(),
            phase=self._phase,
            message=self._message,
            ports=dict(self._ports),
            processes=processes,
        )

    def _publish(self) -> None:
        """Write the state file when something has changed."""
        current = self._snapshot()
        if current != self._written:
            write_state(self._data, current)
            self._written = current

    # --- down ---

    def _stop(self) -> None:
        """Stop the product, then the services: in reverse order, each group side by side."""
        self._publish()
        for group in (self._programs, self._embedded):
            for watched in reversed(group):
                watched.service.ask_to_stop()
            for watched in reversed(group):
                watched.service.wait_stopped()
                watched.mark_stopped()
        self._publish()
