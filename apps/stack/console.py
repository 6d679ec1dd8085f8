"""What does the stack print? A line per event and tables at the end; plain text where there is no terminal."""

import time
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from apps.stack.environment import flower_password
from apps.stack.state import ProcessState, StackState

_PLAIN_WIDTH = 120
_STYLES = {"ready": "green", "starting": "yellow", "waiting": "yellow", "crashed": "red", "stopped": "dim"}


def console_on(stream: TextIO) -> Console:
    """A console. When ``stream`` is not a terminal, it neither colours nor cuts lines."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PLAIN_WIDTH)


def announce(console: Console, text: str) -> None:
    """Print one event."""
    console.print(text, markup=False, soft_wrap=True)


def addresses(data: Path, state: StackState) -> dict[str, str]:
    """The addresses that a person or a program opens, and the log-in of Flower."""
    urls = {process.name: process.url for process in state.processes if process.url}
    if "web" not in urls or "flower" not in urls:
        return {}
    return {
        "Dashboard": urls["web"],
        "Admin": f"{urls['web']}admin/",
        "API": f"{urls['web']}api/openapi.json",
        "Flower": urls["flower"],
        "Flower's log-in": f"flower / {flower_password(data)}",
    }


def show_addresses(console: Console, data: Path, state: StackState) -> None:
    """Print the table of addresses."""
    table = Table(box=None, show_header=False)
    for name, where in addresses(data, state).items():
        table.add_row(name, where)
    console.print(table)


def as_json(data: Path, state: StackState) -> dict[str, object]:
    """The status for programs: the content of the tables, with times in seconds."""
    return {
        "up": state.is_ready,
        "phase": state.phase,
        "message": state.message,
        "data": str(data),
        "addresses": addresses(data, state),
        "processes": [
            {
                "name": process.name,
                "state": process.state,
                "pid": process.pid,
                "port": process.port,
                "url": process.url,
                "uptime_seconds": _uptime(process),
                "restarts": process.restarts,
            }
            for process in state.processes
        ],
    }


def show_status(console: Console, data: Path, state: StackState) -> None:
    """Print the table of processes, then the table of addresses."""
    table = Table("Process", "State", "PID", "Port", "Up for", "Restarts", box=None)
    for process in state.processes:
        uptime = _uptime(process)
        table.add_row(
            process.name,
            f"[{_STYLES[process.state]}]{process.state}[/]",
            str(process.pid or "-"),
            str(process.port or "-"),
            "-" if uptime is None else f"{uptime:,} s",
            str(process.restarts),
        )
    console.print(table)
    show_addresses(console, data, state)


def _uptime(process: ProcessState) -> int | None:
    return None if process.started_at is None else int(time.time() - process.started_at)
