"""Does the supervisor start everything in order, keep it up, and leave no process behind?"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from apps.stack.environment import PROVIDED_BY
from apps.stack.state import ProcessState, StackState, is_supervised, read_state
from apps.stack.watch import MAX_QUICK_DEATHS
from etlproject.settings.env import BASE_DIR, read_env_file

OURS = {
    *PROVIDED_BY.values(),
    "DATABASE_OWNER_URL",
    "CELERY_BROKER_URL",
    "QDRANT_API_KEY",
    "SECRET_KEY",
    "ENCRYPTION_KEY",
}
LIMIT = 60.0  # seconds


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS}


class Stack:
    """A supervisor with small programs, in a separate process."""

    def __init__(self, data: Path, fault: str = "", **user: str) -> None:
        self.data = data
        self.output = data / "output"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.services.stack.small_stack",
                    str(data),
                    *([fault] if fault else []),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=BASE_DIR,
                env=clean_environment() | user,
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait_up(self) -> None:
        self.wait_for(lambda: "ALL UP" in self.said())

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    @property
    def state(self) -> StackState:
        state = read_state(self.data)
        assert state
        return state

    def of(self, name: str) -> ProcessState:
        return next(process for process in self.state.processes if process.name == name)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(LIMIT)


@pytest.fixture
def start(data: Path) -> Iterator[Callable[..., Stack]]:
    started: list[Stack] = []

    def launch(fault: str = "", **user: str) -> Stack:
        started.append(Stack(data, fault, **user))
        return started[-1]

    yield launch
    for stack in started:
        if stack.process.poll() is None:
            stack.stop()


Start = Callable[..., Stack]


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "stack", *arguments],
        cwd=BASE_DIR,
        env={name: value for name, value in clean_environment().items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        check=False,
    )


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def test_all_comes_up_in_order_and_goes_down_without_a_trace(start: Start, data: Path) -> None:
    stack = start()
    stack.wait_up()
    said = stack.said()
    order = ["postgresql is ready", "valkey is ready", "qdrant is ready", "migrate is done", "web is ready"]
    assert sorted(order, key=said.index) == order
    assert stack.state.is_ready
    pids = [process.pid for process in stack.state.processes if process.pid]
    assert len(pids) == 5
    child = int((data / "logs" / "worker.log").read_text().split()[1])
    assert alive([*pids, child]) == [*pids, child]

    assert stack.stop() == 0

    assert alive([*pids, child]) == []
    assert not is_supervised(data)
    assert {process.state for process in stack.state.processes} == {"stopped"}


def test_the_env_file_is_private_and_opens_the_database(start: Start, data: Path) -> None:
    start().wait_up()
    assert (data / "env").stat().st_mode & 0o777 == 0o600
    environment = read_env_file(data / "env")
    assert set(environment) >= {
        *OURS,
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "DEBUG",
        "DASHBOARD_URL",
        "FLOWER_URL",
    }
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("etl_app",)
    assert (data / "logs" / "web.log").read_text().startswith("database etl_app\n")


def test_addresses_and_secrets_stay_from_one_time_to_the_next(start: Start, data: Path) -> None:
    first = start()
    first.wait_up()
    ports, environment = first.state.ports, read_env_file(data / "env")
    first.stop()
    second = start()
    second.wait_for(lambda: second.said().count("ALL UP") == 2)
    assert second.state.ports == ports
    assert read_env_file(data / "env") == environment


def test_a_killed_process_comes_back_without_what_it_left(start: Start, data: Path) -> None:
    stack = start()
    stack.wait_up()
    worker, valkey = stack.of("worker").pid, stack.of("valkey").pid
    assert worker
    assert valkey
    child = int((data / "logs" / "worker.log").read_text().split()[1])
    os.kill(worker, signal.SIGKILL)
    os.kill(valkey, signal.SIGKILL)

    def both_back() -> bool:
        return all(
            stack.of(name).state == "ready" and stack.of(name).pid not in {None, old}
            for name, old in (("worker", worker), ("valkey", valkey))
        )

    stack.wait_for(both_back)
    assert (stack.of("worker").restarts, stack.of("valkey").restarts) == (1, 1)
    assert alive([child]) == []
    assert stack.state.is_ready


def test_a_process_that_always_dies_is_given_up_and_the_rest_stays_up(start: Start, data: Path) -> None:
    stack = start("crash")
    stack.wait_up()
    broken = stack.of("broken")
    assert (broken.state, broken.restarts) == ("crashed", MAX_QUICK_DEATHS - 1)
    assert "out of order" in stack.said()
    assert "broken died 5 times in a row. It is not started again." in stack.said()
    assert stack.of("web").state == "ready"
    status = manage("status", "--json", "--data", str(data))
    assert status.returncode == 1
    assert json.loads(status.stdout)["up"] is False


def test_a_failed_preparation_ends_everything_and_says_why(start: Start) -> None:
    stack = start("migrate")
    assert stack.process.wait(LIMIT) == 1
    assert "Error: migrate failed: it ended with status 1" in stack.said()
    assert "no such table" in stack.said()
    assert stack.state.phase == "failed"
    assert "no such table" in stack.state.message
    assert {process.state for process in stack.state.processes} == {"stopped"}


def test_a_second_supervisor_finds_the_first(start: Start) -> None:
    first = start()
    first.wait_up()
    pids = [process.pid for process in first.state.processes]
    second = start()
    assert second.process.wait(LIMIT) == 0
    assert "is already up" in second.said()
    assert [process.pid for process in first.state.processes] == pids


def test_a_killed_supervisor_leaves_nothing_that_stops_the_next(start: Start) -> None:
    first = start()
    first.wait_up()
    pids = [process.pid for process in first.state.processes if process.pid]
    first.process.kill()
    first.process.wait()
    second = start()
    second.wait_for(lambda: second.said().count("ALL UP") == 2)
    assert second.state.is_ready
    assert alive(pids) == []


def test_a_stop_during_the_start_ends_everything(start: Start) -> None:
    stack = start()
    stack.wait_for(lambda: "valkey is ready" in stack.said())
    assert stack.stop() == 0
    assert {process.state for process in stack.state.processes} == {"stopped"}


def test_servers_of_the_users_own_are_used(start: Start, data: Path) -> None:
    stack = start(REDIS_URL="redis://elsewhere:6379/0", QDRANT_URL="http://elsewhere:6333", ALLOWED_HOSTS="etl.example")
    stack.wait_up()
    assert [process.name for process in stack.state.processes] == ["postgresql", "web", "worker"]
    environment = read_env_file(data / "env")
    assert environment["REDIS_URL"] == "redis://elsewhere:6379/0"
    assert environment["ALLOWED_HOSTS"] == "etl.example"
    assert "CELERY_BROKER_URL" not in environment
    assert "QDRANT_API_KEY" not in environment


def test_status_and_down_reach_the_running_stack(start: Start, data: Path) -> None:
    stack = start()
    stack.wait_up()
    status = manage("status", "--json", "--data", str(data))
    answer = json.loads(status.stdout)
    assert (status.returncode, answer["up"]) == (0, True)
    web = next(process for process in answer["processes"] if process["name"] == "web")
    assert web["url"] == f"http://127.0.0.1:{web['port']}/"
    assert (web["state"], web["restarts"]) == ("ready", 0)
    assert web["uptime_seconds"] >= 0
    table = manage("status", "--data", str(data))
    assert table.returncode == 0
    assert "worker" in table.stdout
    again = manage("up", "--data", str(data))
    assert again.returncode == 0
    assert "already up" in again.stdout

    down = manage("down", "--data", str(data))

    assert (down.returncode, down.stdout.strip()) == (0, "The stack is down.")
    assert stack.process.wait(LIMIT) == 0
    after = manage("status", "--json", "--data", str(data))
    assert after.returncode == 1
    assert {process["state"] for process in json.loads(after.stdout)["processes"]} == {"stopped"}


def test_down_without_a_stack_says_so(data: Path) -> None:
    down = manage("down", "--data", str(data))
    assert (down.returncode, down.stdout.strip()) == (0, "The stack was not running.")
    assert manage("status", "--data", str(data)).returncode == 1
