"""Do the parts without processes keep their promises: files, ports, environment, state, pauses, the gateway's input?"""

import socket
import stat
from pathlib import Path

import msgspec
import pytest

from apps.stack import ports
from apps.stack.environment import product_environment, provided, write_env_file
from apps.stack.files import kept_secret, tail, write_private
from apps.stack.gateway import schema
from apps.stack.gateway.errors import FormatError, WrongInputError
from apps.stack.gateway.filters import build_filter
from apps.stack.gateway.writes import checked, index_update, updates
from apps.stack.state import ProcessState, StackState, is_supervised, read_state, supervision, write_state
from apps.stack.watch import MAX_PAUSE, pause_after
from etlproject.settings.env import read_env_file


def test_a_private_file_is_replaced_whole_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for text in ("first", "second"):
        write_private(path, text)
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    made = iter(["one", "two"])
    assert [kept_secret(tmp_path / "key", lambda: next(made)) for _ in range(2)] == ["one", "one"]


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff broken\n" + b"".join(b"line %d\n" % n for n in range(5000)))
    assert tail(log, lines=2) == "line 4998\nline 4999"
    assert tail(tmp_path / "none") == ""


def test_a_preferred_port_is_used_when_it_is_free_and_replaced_when_not() -> None:
    free = ports.free_port()
    assert ports.MIN_PORT <= free <= ports.MAX_PORT
    assert ports.free_port(free) == free
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free))
        taken.listen()
        assert not ports.is_free(free)
        assert ports.free_port(free) != free


def test_the_users_own_servers_replace_the_embedded_ones() -> None:
    assert provided({}) == frozenset()
    assert provided({"DATABASE_URL": "postgresql://x", "QDRANT_URL": ""}) == {"postgresql"}


def test_what_the_user_has_set_wins(tmp_path: Path) -> None:
    services = {"QDRANT_URL": "http://embedded", "QDRANT_API_KEY": "key"}
    user = {"DATABASE_URL": "postgresql://mine", "DEBUG": "true", "UNRELATED": "stays out", "SECRET_KEY": ""}
    environment = product_environment(tmp_path, services, 1234, 1235, user)
    assert environment["DATABASE_URL"] == "postgresql://mine"
    assert environment["DEBUG"] == "true"
    assert environment["QDRANT_URL"] == "http://embedded"
    assert environment["DASHBOARD_URL"] == "http://127.0.0.1:1234/"
    assert len(environment["SECRET_KEY"]) > 50
    assert "UNRELATED" not in environment
    assert product_environment(tmp_path, services, 1234, 1235, user) == environment


def test_the_env_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": "postgresql://a:b=c@host/db", "DEBUG": "false"}
    write_env_file(tmp_path, environment)
    assert read_env_file(tmp_path / "env") == environment


def test_the_state_reads_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    state = StackState(
        pid=7, phase="ready", ports={"web": 1}, processes=[ProcessState(name="web", state="ready", port=1)]
    )
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}'])
def test_a_broken_state_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    assert read_state(tmp_path) is None


@pytest.mark.parametrize(
    ("phase", "states", "expected"),
    [
        ("ready", ["ready", "ready"], True),
        ("ready", ["ready", "crashed"], False),
        ("starting", ["ready"], False),
    ],
)
def test_all_is_ready_only_when_everything_is(phase: str, states: list[str], expected: bool) -> None:
    raw = {"pid": 1, "phase": phase, "processes": [{"name": "p", "state": state} for state in states]}
    assert msgspec.convert(raw, StackState).is_ready is expected


def test_only_one_supervisor_holds_the_lock(tmp_path: Path) -> None:
    assert not is_supervised(tmp_path)
    with supervision(tmp_path) as first, supervision(tmp_path) as second:
        assert (first, second) == (True, False)
        assert is_supervised(tmp_path)
    assert not is_supervised(tmp_path)


def test_pauses_grow_to_their_limit() -> None:
    pauses = [pause_after(deaths) for deaths in range(12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.5, MAX_PAUSE)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 1e39])
def test_a_vector_with_a_number_beyond_32_bits_is_refused(number: float) -> None:
    with pytest.raises(WrongInputError, match="finite"):
        checked([0.0, number], 2)


def test_a_vector_of_another_size_is_refused() -> None:
    with pytest.raises(WrongInputError, match="expected dim: 3, got 2"):
        checked([0.0, 1.0], 3)


@pytest.mark.parametrize(
    "operation",
    [
        schema.Operation(),
        schema.Operation(upsert=schema.Upsert()),
        schema.Operation(delete=schema.PointsSelector()),
        schema.Operation(delete=schema.PointsSelector(points=[1], filter={})),
        schema.Operation(delete=schema.PointsSelector(points=[1]), clear_payload=schema.PointsSelector(points=[1])),
    ],
)
def test_an_operation_that_says_too_little_or_too_much_is_refused(operation: schema.Operation) -> None:
    with pytest.raises(FormatError):
        updates(operation, 2)


@pytest.mark.parametrize("field", ["geo", {"type": "keyword", "unknown": 1}, {"type": "text", "tokenizer": "x"}, {}])
def test_an_index_of_unknown_kind_or_setting_is_refused(field: str | dict[str, object]) -> None:
    with pytest.raises(FormatError):
        index_update(schema.CreateFieldIndex(field_name="f", field_schema=field))


@pytest.mark.parametrize(
    "condition",
    [
        {"must": [{"key": "a", "match": {}}]},
        {"must": [{"key": "a", "match": {"value": 1.5}}]},
        {"must": [{"key": "a", "match": {"any": "text"}}]},
        {"must": [{"key": "a", "range": {"above": 1}}]},
        {"must": [{"key": "a", "range": {"gte": 1, "lt": "2026-01-01"}}]},
        {"should": {"is_empty": {}}},
        {"min_should": {"conditions": []}},
        {"anything": []},
    ],
)
def test_a_filter_that_is_not_understood_is_refused(condition: dict[str, object]) -> None:
    with pytest.raises((FormatError, msgspec.ValidationError)):
        build_filter(condition)
