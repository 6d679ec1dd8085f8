"""How does the sandbox run? As one ASGI application in one uvicorn server, until SIGINT or SIGTERM."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from apps.sandbox.config import TOKEN, Options
from apps.sandbox.control import ControlApi
from apps.sandbox.data.world import World
from apps.sandbox.faults import FaultScript
from apps.sandbox.gate import Gate
from apps.sandbox.github.api import GitHubApi
from apps.sandbox.jira.api import JiraApi
from apps.sandbox.tokens import SampleTokens

Announce = Callable[[str], None]


def build(options: Options, base: str, announce: Announce | None = None) -> ASGIApp:
    """The application at the address `base` (scheme, host and port)."""
    faults = FaultScript.from_file(options.faults) if options.faults else FaultScript([])
    world = World(options)
    tokens = SampleTokens()
    jira = JiraApi(world, f"{base}/jira", tokens)
    github = GitHubApi(world, f"{base}/github", tokens)
    gate = Gate(faults, options.latency_ms)
    control = ControlApi(world, gate, jira, github, tokens)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # the world is needed until the process ends, so the collector can ignore it
        if announce:
            announce(f"Jira {base}/jira  GitHub {base}/github  token {TOKEN}")
        yield

    routes = [Mount("/jira", routes=jira.routes()), Mount("/github", routes=github.routes()),
              Mount("/_sandbox", routes=control.routes())]  # fmt: skip
    gate.app = Starlette(routes=routes, lifespan=lifespan)
    return gate


def serve(options: Options, announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM; `announce` gets one line with the addresses when the server listens.

    Raises OSError when the port is taken and FaultScriptError when the fault file is wrong.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(2048)
        base = f"http://{options.host}:{listener.getsockname()[1]}"
        app = build(options, base, announce)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="on",
            loop="uvloop",
            http="httptools",
            ws="none",
            timeout_graceful_shutdown=1,
            server_header=False,
            date_header=False,  # the gate adds the time of the providers' clock
        )
        # uvicorn raises the signal again after its shutdown. Here this is the intended end, not an error.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(uvicorn.Server(config).serve([listener]))
