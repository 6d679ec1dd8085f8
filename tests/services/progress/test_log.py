"""Is the log of a run complete, in order, safe to follow, and only for members?"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from apps.progress import log
from apps.progress.choices import LogLevel
from apps.progress.log import LogFilter, NewLine
from apps.progress.models import LogLine
from apps.tenants.models import Tenant
from tests.services.progress.conftest import Begin, browser_of, member_of


def write(run: UUID, number: int, **more: str) -> None:
    log.write_all(run, [NewLine(f"line {index}", **more) for index in range(number)])  # type: ignore[arg-type]


def texts(window: log.LogPage) -> list[str]:
    return [line.text for line in window.lines]


def test_a_rolled_back_change_leaves_no_line(run: UUID) -> None:
    def fail() -> None:
        with transaction.atomic():
            log.write(run, "Never happened")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert texts(log.newest(run)) == []


def test_any_text_becomes_one_line_that_can_be_stored_and_shown(run: UUID) -> None:
    log.write(run, "two\nlines \x00 and \ud800 half a pair " + "x" * 3000)
    (line,) = log.newest(run).lines
    assert line.text.startswith("two lines \ufffd and \ufffd half a pair xxx")
    assert len(line.text) == log.MAX_LINE_LENGTH


def test_the_newest_lines_come_first_and_older_ones_when_asked_for(run: UUID) -> None:
    write(run, 25)
    newest = log.newest(run, limit=10)
    assert texts(newest) == [f"line {index}" for index in range(15, 25)]
    assert newest.more
    older = log.newest(run, before=newest.lines[0].pk, limit=15)
    assert texts(older) == [f"line {index}" for index in range(15)]
    assert not older.more


def test_lines_after_a_number_come_in_order_to_the_end(run: UUID) -> None:
    write(run, 25)
    found: list[str] = []
    after, more = 0, True
    while more:
        window = log.following(run, after, limit=10)
        found += texts(window)
        after, more = window.lines[-1].pk, window.more
    assert found == [f"line {index}" for index in range(25)]


def test_a_line_that_is_committed_late_is_found_after_the_settled_number(run: UUID) -> None:
    write(run, 3)
    LogLine.objects.update(at=timezone.now() - timedelta(minutes=5))
    old = log.newest(run).lines
    late = LogLine(id=old[-1].pk + 1, run_id=run, text="late")
    LogLine(id=old[-1].pk + 2, run_id=run, text="early").save(force_insert=True)
    seen = log.following(run, old[0].pk)
    assert texts(seen)[-1] == "early"
    late.save(force_insert=True)
    assert seen.settled == old[-1].pk
    assert texts(log.following(run, seen.settled)) == ["late", "early"]


def test_a_first_page_of_new_lines_is_settled_before_its_first_line(run: UUID) -> None:
    write(run, 20)
    window = log.newest(run, limit=5)
    assert texts(log.following(run, window.settled)) == texts(window)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LogFilter(step="one"), ["Begins", "Careful 50 %", "Broken"]),
        (LogFilter(level="warning"), ["Careful 50 %", "Broken"]),
        (LogFilter(level="error"), ["Broken"]),
        (LogFilter(text="CAREFUL"), ["Careful 50 %"]),
        (LogFilter(text="50 %"), ["Careful 50 %"]),
        (LogFilter(text="\x00"), []),
        (LogFilter(step="two", level="error"), []),
    ],
)
def test_lines_are_filtered_by_step_level_and_text(run: UUID, wanted: LogFilter, found: list[str]) -> None:
    levels = {"Begins": LogLevel.INFO, "Careful 50 %": LogLevel.WARNING, "Broken": LogLevel.ERROR}
    log.write_all(run, [NewLine(text, level, "one") for text, level in levels.items()])
    log.write(run, "Other", step="two")
    assert texts(log.newest(run, wanted)) == found


def test_the_newest_error_is_named(run: UUID) -> None:
    assert log.newest_error(run) is None
    log.write(run, "Broken", level=LogLevel.ERROR)
    log.write(run, "Goes on")
    assert log.newest_error(run) == LogLine.objects.get(text="Broken").pk


@pytest.fixture
def ada(acme: Tenant) -> Client:
    return browser_of(member_of(acme))


def test_the_api_gives_a_page_of_lines(run: UUID, ada: Client) -> None:
    write(run, 3)
    answer = ada.get(f"/api/runs/{run}/log?limit=2").json()
    assert [line["text"] for line in answer["lines"]] == ["line 1", "line 2"]
    assert answer["more"] is True
    after = answer["lines"][0]["id"]
    assert [line["text"] for line in ada.get(f"/api/runs/{run}/log?after={after}").json()["lines"]] == ["line 2"]
    assert [line["text"] for line in ada.get(f"/api/runs/{run}/log?before={after}").json()["lines"]] == ["line 0"]


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=1001", "level=loud", "before=-1", f"after={2**63}"])
def test_the_api_refuses_an_impossible_page(query: str, run: UUID, ada: Client) -> None:
    assert ada.get(f"/api/runs/{run}/log?{query}").status_code == 422


@pytest.mark.parametrize("path", ["log", "log.txt"])
def test_the_log_is_only_for_members(path: str, globex: Tenant, begin: Begin, ada: Client) -> None:
    foreign = begin(globex, job=2)
    log.write(foreign, "Secret of Globex")
    assert ada.get(f"/api/runs/{foreign}/{path}").status_code == 404
    assert ada.get(f"/api/runs/{uuid4()}/{path}").status_code == 404
    assert Client().get(f"/api/runs/{foreign}/{path}").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_the_download_has_every_line(run: UUID, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LINES_PER_QUERY", 10)
    await sync_to_async(write)(run, 25, step="one", stage="extraction")
    browser = AsyncClient()
    await browser.aforce_login(await sync_to_async(member_of)(acme))
    answer = cast(StreamingHttpResponse, await browser.get(f"/api/runs/{run}/log.txt"))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run}.log"'
    lines = (
        b"".join([part async for part in cast(AsyncIterator[bytes], answer.streaming_content)]).decode().splitlines()
    )
    assert len(lines) == 25
    assert lines[24].endswith("Z info    one extraction: line 24")
    await sync_to_async(lambda: connection.close())()
