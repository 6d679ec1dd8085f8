"""How is the supervisor tested? With small programs instead of the product's.

``python -m tests.services.stack.small_stack DIR [FAULT]``, where FAULT is ``crash`` (a further program dies at once) or
``migrate`` (the preparation fails).
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from apps.stack.processes import Program, StackPlan
from apps.stack.services.base import StackError
from apps.stack.supervisor import AlreadyUpError, Supervisor

_WEB = """
import http.server, os, sys
print("database", os.environ["DATABASE_URL"].split("//")[1].split(":")[0], flush=True)
handler = http.server.SimpleHTTPRequestHandler
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
"""
# A worker with a child. The child outlives the worker unless the whole group is ended.
_WORKER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, "worker ready.", flush=True)
time.sleep(600)
"""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    data, fault = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""

    def preparations(folder: Path, environment: Mapping[str, str]) -> list[Program]:
        code = "print('all tables made')" if fault != "migrate" else "raise SystemExit('no such table')"
        return [Program("migrate", folder, ["-c", code], environment)]

    def programs(
        folder: Path, environment: Mapping[str, str], web_port: int, flower_port: int, _password: str
    ) -> list[Program]:
        started = [
            Program("web", folder, ["-c", _WEB, str(web_port)], environment, port=web_port, health="/"),
            Program("worker", folder, ["-c", _WORKER], environment, ready_text=" ready."),
        ]
        if fault == "crash":
            started.append(Program("broken", folder, ["-c", "raise SystemExit('out of order')"], environment))
        return started

    try:
        supervisor = Supervisor(data, dict(os.environ), say, StackPlan(preparations, programs))
        supervisor.run(lambda _state: say("ALL UP"))
    except AlreadyUpError as error:
        say(str(error))
    except StackError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
