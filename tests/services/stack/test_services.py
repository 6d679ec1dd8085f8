"""Do the embedded services start, stop, and come back after SIGKILL with everything that was in them?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from qdrant_client import models

from apps.stack.services.base import StackError
from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.postgres import Postgres
from apps.stack.services.postgres_roles import OWNER
from apps.stack.services.qdrant import Qdrant
from apps.stack.services.valkey import Valkey
from etlproject.settings.env import BASE_DIR
from tests.services.stack.conftest import connect


def wait_until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def postgres(data: Path) -> Iterator[Postgres]:
    service = Postgres(data)
    yield service
    service.stop()


@pytest.fixture
def valkey(data: Path) -> Iterator[Valkey]:
    service = Valkey(data)
    yield service
    service.stop()


@pytest.fixture
def qdrant(data: Path) -> Iterator[Qdrant]:
    service = Qdrant(data)
    yield service
    service.stop()


def test_all_services_start_side_by_side_and_tell_how_to_reach_them(services: EmbeddedServices) -> None:
    assert set(services.env) == {
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "QDRANT_URL",
        "QDRANT_API_KEY",
    }
    with psycopg.connect(services.env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("etl_app", "etl")
    with redis.Redis.from_url(services.env["CELERY_BROKER_URL"]) as client:
        assert client.ping()


def test_stopped_services_leave_no_process_and_start_again_on_their_ports(data: Path) -> None:
    with EmbeddedServices(data, is_durable=False) as services:
        ports = {service.name: service.port for service in services.all if service.port}
        pids = [service.pid for service in services.all if service.pid]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with EmbeddedServices(data, is_durable=False, ports=ports) as again:
        assert {service.name: service.port for service in again.all} == ports


def test_a_service_that_somebody_else_provides_is_not_started(data: Path) -> None:
    services = EmbeddedServices(data, without={"postgresql", "qdrant"})
    assert [service.name for service in services.all] == ["valkey"]
    assert set(services.env) == {"REDIS_URL", "CELERY_BROKER_URL"}


def test_secrets_are_private_and_stay_the_same(data: Path) -> None:
    first, second = Valkey(data).url().rpartition("@")[0], Valkey(data).url().rpartition("@")[0]
    assert first == second
    secrets = list((data / "secrets").iterdir())
    assert secrets
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in secrets)


def test_no_secret_is_among_the_arguments_of_a_process_or_in_a_log(services: EmbeddedServices) -> None:
    assert services.postgres
    folder = services.postgres.log.parents[1]
    secrets = [path.read_text() for path in (folder / "secrets").iterdir()]
    visible = [" ".join(psutil.Process(service.pid).cmdline()) for service in services.all]
    visible += [path.read_text() for path in (folder / "logs").iterdir()]
    assert not [secret for secret in secrets for text in visible if secret in text]


def test_postgres_keeps_what_was_committed_through_sigkill(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    with closing(psycopg.connect(postgres.url(OWNER))) as lingering:  # a session that the killed server leaves behind
        lingering.execute("SELECT 1")
        postgres.kill()
        assert not postgres.is_running
        postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_pid_file_whose_number_now_belongs_to_another_process_stops_nothing(postgres: Postgres, data: Path) -> None:
    postgres.start()
    postgres.kill()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        lock = data / "postgresql" / "cluster" / "postmaster.pid"
        lock.write_text("\n".join([str(bystander.pid), *lock.read_text().splitlines()[1:]]))
        (data / "run" / "postgresql.pid").write_text(f"{bystander.pid} 1.00")
        postgres.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_postgres_stores_unicode_sorted_by_code_point(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT 'a' > 'B', upper('ä'), lower('Ü')").fetchone() == (True, "Ä", "ü")


def test_postgres_refuses_wrong_passwords(postgres: Postgres) -> None:
    postgres.start()
    password = postgres.url().rpartition("@")[0].partition("etl_app:")[2]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url().replace(password, "guess"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{postgres.port}/template1")


def test_binaries_that_the_dropped_user_cannot_reach_are_copied(
    postgres: Postgres, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgres.user is None:
        pytest.skip("only root drops to another user")
    from apps.stack.services import postgres_binaries

    def unreachable(_user: object, _command: object) -> bool:
        return False

    monkeypatch.setattr(postgres_binaries, "can_run", unreachable)
    postgres.start()
    assert psutil.Process(postgres.pid).exe().startswith(str(data / "postgresql"))
    assert psutil.Process(postgres.pid).username() == postgres.user.pw_name


def test_a_data_folder_below_a_closed_home_works(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    service = Postgres(closed / "stack", is_durable=False)
    service.start()
    real = (closed / "stack" / "postgresql").resolve()
    try:
        with psycopg.connect(service.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        service.stop()
        if not real.is_relative_to(tmp_path):
            subprocess.run(["rm", "-r", str(real)], check=True)


def test_a_cluster_of_another_version_is_refused_with_what_to_do(postgres: Postgres, data: Path) -> None:
    postgres.start()
    postgres.stop()
    (data / "postgresql" / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match=r"made by PostgreSQL 9, which is not installed.*--data DIR"):
        postgres.start()


def test_valkey_keeps_what_was_written_through_sigkill(valkey: Valkey) -> None:
    valkey.start()
    with redis.Redis.from_url(valkey.url()) as client:
        client.set("kept", "yes")
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.get("kept") == b"yes"


def test_valkey_wants_its_password(valkey: Valkey) -> None:
    valkey.start()
    with (
        redis.Redis(host="127.0.0.1", port=valkey.port or 0) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_vectors_survive_sigkill_in_the_middle_of_writing(qdrant: Qdrant) -> None:
    qdrant.start()
    with closing(connect(qdrant)) as client:
        client.create_collection("kept", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
        client.create_payload_index("kept", "n", models.PayloadSchemaType.INTEGER)
        for begin in range(0, 1000, 100):
            rows = [models.PointStruct(id=n, vector=[1.0] * 8, payload={"n": n}) for n in range(begin, begin + 100)]
            client.upsert("kept", rows)
        client.delete("kept", [0])
        with pytest.raises(Exception, match="404"):
            client.set_payload("kept", {"n": 1}, points=[0])
    qdrant.kill()
    qdrant.start()
    with closing(connect(qdrant)) as client:
        assert client.count("kept").count == 999
        assert client.retrieve("kept", [999])[0].payload == {"n": 999}
        assert "n" in client.get_collection("kept").payload_schema


_WRITER = """
import sys, warnings
warnings.simplefilter("ignore")
from qdrant_client import QdrantClient, models
url, key, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = QdrantClient(url=url, api_key=key)
for n in range(first, first + 200, 10):
    rows = [models.PointStruct(id=i, vector=[float(i), 1.0], payload={"w": first}) for i in range(n, n + 10)]
    client.upsert("shared", rows)
    client.query_points("shared", query=[1.0, 0.0], limit=3)
    assert client.retrieve("shared", [n])[0].payload == {"w": first}
"""


def test_four_client_processes_at_once_lose_nothing(services: EmbeddedServices) -> None:
    assert services.qdrant
    with closing(connect(services.qdrant)) as client:
        client.create_collection("shared", vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
        arguments = [services.qdrant.url, services.qdrant.api_key]

        def write(first: int) -> int:
            return subprocess.run([sys.executable, "-c", _WRITER, *arguments, str(first)], check=False).returncode

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(write, (0, 1000, 2000, 3000))) == [0, 0, 0, 0]
        assert client.count("shared").count == 800


_OWNER_OF_SERVICES = """
import sys, time
from pathlib import Path
from apps.stack.services.embedded import EmbeddedServices
services = EmbeddedServices(Path(sys.argv[1]), is_durable=False).start()
print(*(service.pid for service in services.all), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_services_end_with_the_process_that_started_them(data: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _OWNER_OF_SERVICES, str(data)], stdout=subprocess.PIPE, text=True, cwd=BASE_DIR
    )
    assert parent.stdout
    with parent.stdout:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(_alive(pid) for pid in pids))
    with EmbeddedServices(data, is_durable=False) as again:
        assert all(service.is_running for service in again.all)


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_predecessor_that_nobody_ended_is_ended_first(data: Path, valkey: Valkey) -> None:
    valkey.start()
    successor = Valkey(data)
    try:
        successor.start()
        assert not valkey.is_running
        assert successor.is_running
    finally:
        successor.stop()


def test_a_service_that_cannot_start_quotes_its_log(data: Path, valkey: Valkey) -> None:
    blocker = Valkey(data / "other", port=valkey.port)
    blocker.start()
    try:
        with pytest.raises(StackError, match=r"(?s)valkey failed: it ended with status 1\..*Address already in use"):
            valkey.start()
    finally:
        blocker.stop()
