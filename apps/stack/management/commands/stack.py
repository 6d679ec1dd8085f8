"""How does a person run the stack? ``manage.py stack up|down|status [--json] [--data DIR]``."""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.stack import console, control
from apps.stack.services.base import StackError
from apps.stack.state import StackState
from apps.stack.supervisor import AlreadyUpError, Supervisor
from etlproject.settings.env import STACK_ENV_FILE


class Command(BaseCommand):
    help = "The embedded services and all processes of the product: up, down, status."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["up", "down", "status"])
        parser.add_argument("--data", type=Path, default=STACK_ENV_FILE.parent, help="folder of all data and logs")
        parser.add_argument("--detach", action="store_true", help="up: run in the background, return when ready")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._terminal = console.console_on(sys.stderr if options["json"] else sys.stdout)
        self._with_json: bool = options["json"]
        self._data: Path = options["data"].resolve()
        # The processes inherit this environment; no setting is read here.
        self._user = dict(os.environ)
        actions = {
            "up": self._detach if options["detach"] else self._up,
            "down": self._down,
            "status": self._status,
        }
        try:
            actions[options["action"]]()
        except StackError as error:
            raise CommandError(str(error)) from error

    def _up(self) -> None:
        supervisor = Supervisor(self._data, self._user, lambda text: console.announce(self._terminal, text))
        try:
            supervisor.run(self._report)
        except AlreadyUpError:
            self._already_up()

    def _detach(self) -> None:
        if control.current_state(self._data):
            self._already_up()
            return
        state = control.start_detached(self._data, self._user, lambda text: console.announce(self._terminal, text))
        self._report(state)
        if not state.is_ready:
            raise CommandError("Some processes are not ready; see their logs.")

    def _already_up(self) -> None:
        console.announce(self._terminal, f"The stack in {self._data} is already up.")
        if state := control.current_state(self._data):
            self._report(state)

    def _down(self) -> None:
        stopped = control.stop(self._data)
        console.announce(self._terminal, "The stack is down." if stopped else "The stack was not running.")
        if self._with_json:
            self._print(control.stopped_state(self._data))

    def _status(self) -> None:
        state = control.current_state(self._data) or control.stopped_state(self._data)
        self._report(state)
        if not state.is_ready:
            raise CommandError(state.message or "Some processes are not ready.")

    def _report(self, state: StackState) -> None:
        if self._with_json:
            self._print(state)
        else:
            console.show_status(self._terminal, self._data, state)

    def _print(self, state: StackState) -> None:
        self.stdout.write(json.dumps(console.as_json(self._data, state)))
        self.stdout.flush()
