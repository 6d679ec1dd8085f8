"""Do the files in docker/ agree with each other and with the settings? They are read as text, without an engine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.sources.definition import Stage

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DEFINITIONS = json.loads((DOCKER / "rabbitmq" / "definitions.json").read_text())
EXAMPLE = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
QUEUES = {*(stage.value for stage in Stage), "control"}


def variables_of_settings() -> set[str]:
    texts = [path.read_text() for path in (ROOT / "etlproject" / "settings").glob("*.py") if path.name != "env.py"]
    return {name for text in texts for name in re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", text)}


def test_every_variable_is_explained_in_the_example() -> None:
    in_compose = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (DOCKER / "compose.yaml").read_text()))
    assert variables_of_settings() | in_compose == EXAMPLE


def test_every_setting_reaches_the_product() -> None:
    assert variables_of_settings() - {"DATABASE_OWNER_URL"} == set(COMPOSE["x-settings"])
    for name in ("web", "scheduler", "migrate", *(name for name in SERVICES if name.startswith("worker-"))):
        assert set(COMPOSE["x-settings"]) <= set(SERVICES[name]["environment"]), name


def test_only_migrate_knows_the_owner_of_the_tables() -> None:
    knowing = {name for name, service in SERVICES.items() if "POSTGRES_OWNER_PASSWORD" in json.dumps(service)}
    assert knowing == {"postgres", "migrate"}


def test_every_queue_is_declared_durable_and_served_by_a_worker() -> None:
    served = {queue for service in SERVICES.values() for queue in queues_of(service)}
    assert {queue["name"] for queue in DEFINITIONS["queues"] if queue["durable"]} == QUEUES == served
    bound = {(one["source"], one["routing_key"], one["destination"]) for one in DEFINITIONS["bindings"]}
    assert bound == {(queue, queue, queue) for queue in QUEUES}
    # Celery declares its queues without arguments; with others here, every worker would fail.
    assert not any(one["arguments"] for kind in ("queues", "exchanges") for one in DEFINITIONS[kind])


def queues_of(service: dict[str, Any]) -> list[str]:
    found = re.search(r" worker -Q (\S+)", str(service.get("command", "")))
    return found[1].split(",") if found else []


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["init"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"]["max-size"]
    assert re.search(r":v?\d+\.\d+[\d.]*(-|$)", service["image"]) or service["image"].startswith("etlproject:")


def test_only_the_web_is_published_and_servers_have_no_way_out() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    for name in ("postgres", "redis", "rabbitmq", "qdrant", "flower", "scheduler"):
        assert SERVICES[name]["networks"] == ["inner"], name


def test_workers_hand_back_their_work_before_they_are_killed() -> None:
    settings = (ROOT / "etlproject" / "settings" / "base.py").read_text()
    found = re.search(r"CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = ([\d.]+)", settings)
    assert found
    for name, service in SERVICES.items():
        if name.startswith("worker-"):
            assert service["environment"]["REMAP_SIGTERM"] == "SIGQUIT", name
            assert float(service["stop_grace_period"].removesuffix("s")) > 2 * float(found[1]), name


def test_the_image_installs_exactly_the_pinned_packages() -> None:
    dockerfile = (DOCKER / "Dockerfile").read_text()
    assert "--require-hashes -r /tmp/base.txt" in dockerfile
    pins = (ROOT / "requirements" / "base.txt").read_text().replace("\\\n", "").splitlines()
    assert pins
    assert all(re.match(r"[\w.\[\],-]+==\S+.*--hash=sha256:", pin) for pin in pins if pin.strip())


def test_the_roles_are_those_of_the_embedded_database() -> None:
    """Both have the same statements in the same order, so that no right is added in one place only."""
    from apps.stack.services import postgres_roles as embedded

    names = {"owner": embedded.OWNER, "app": embedded.APP, "database": embedded.DATABASE}
    wanted = [text.format(**names) for text in (*embedded._TEMPLATE_RIGHTS, *embedded._DATABASE_RIGHTS)]
    script = (DOCKER / "postgres" / "roles.sh").read_text()
    assert re.findall(r"^((?:REVOKE|GRANT|ALTER DEFAULT).*);$", script, re.MULTILINE) == wanted
