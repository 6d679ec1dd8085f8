"""Does RabbitMQ start beside any other, and come back after SIGKILL?"""

from pathlib import Path

import pytest
from kombu import Connection

from apps.stack.services.rabbitmq import RabbitMQ, available

pytestmark = pytest.mark.skipif(available() is not None, reason=str(available()))


def test_rabbitmq_delivers_and_comes_back_after_sigkill(data: Path) -> None:
    service = RabbitMQ(data)
    service.start()
    try:
        with Connection(service.url()) as connection, connection.SimpleQueue("letters") as queue:
            queue.put({"n": 1})
            assert queue.get(timeout=10).payload == {"n": 1}
        service.kill()
        service.start()
        with Connection(service.url()) as connection:
            assert connection.ensure_connection(max_retries=1).connected
    finally:
        service.stop()
    assert not service.is_running
