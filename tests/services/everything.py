"""What do tests start? This one starts all of it and then waits to be killed: test_guardian.py runs it."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from apps.stack.services import rabbitmq
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.rabbitmq import RabbitMQ
from tests.processes import Sandbox, worker


def test_everything_runs(services: EmbeddedServices, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(Sandbox(tmp_path, issues=20, prs=20))
        stack.enter_context(worker(tmp_path))
        if not rabbitmq.available():
            broker = RabbitMQ(tmp_path / "broker")
            stack.callback(broker.stop)
            broker.start()
        if chromium := shutil.which("chromium"):
            driver = stack.enter_context(sync_playwright())
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            stack.callback(driver.chromium.launch(executable_path=chromium, args=arguments).close)
        time.sleep(600)
