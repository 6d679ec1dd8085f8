"""How does a person see the product at work? ``manage.py demo`` sets up everything and runs three jobs."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.stack import console, control
from apps.stack.demo import USER, Demo
from apps.stack.services.base import StackError
from etlproject.settings.env import STACK_ENV_FILE


class Command(BaseCommand):
    help = "Start the embedded stack and the sandbox, run a Jira, a GitHub and a vectorization job, show the results."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep", action="store_true", help="run no jobs; keep everything running until Ctrl-C")
        parser.add_argument("--data", type=Path, default=STACK_ENV_FILE.parent, help="folder of all data and logs")

    def handle(self, *args: Any, **options: Any) -> None:
        self.console = console.console_on(sys.stdout)
        data: Path = options["data"].resolve()
        was_up = control.current_state(data) is not None
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set() if options["keep"] else sys.exit(130))
        try:
            self._bring_up(data, was_up)
            demo = Demo(data, self.console)
            demo.prepare()
            if not options["keep"]:
                demo.run()
            if was_up or not options["keep"]:  # otherwise the start has just printed them
                console.show_addresses(self.console, data, control.current_state(data) or control.stopped_state(data))
            self._show_log_in(demo, must_stay=options["keep"])
            if options["keep"]:
                stop.wait()
            demo.sandbox.stop()
        except StackError as error:
            raise CommandError(str(error)) from error
        finally:
            if not was_up:
                console.announce(self.console, "Stopping …")
                control.stop(data)

    def _bring_up(self, data: Path, was_up: bool) -> None:
        console.announce(self.console, f"The stack in {data} is {'already up' if was_up else 'starting'} …")
        if was_up:
            return
        state = control.start_detached(data, os.environ, lambda text: console.announce(self.console, text))
        if not state.is_ready:
            raise StackError(f"Some processes are not ready; see {data}/logs.")

    def _show_log_in(self, demo: Demo, *, must_stay: bool) -> None:
        console.announce(self.console, f"Log in as {USER} with the password {demo.password}")
        hint = "Ctrl-C stops everything." if must_stay else "`make up` keeps everything running at these addresses."
        console.announce(self.console, hint)
