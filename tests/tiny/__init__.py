"""What does a new source cost? This folder, and one line in the registry.

A tiny JSON API with notes: one list that goes on by page numbers, one entity, one table.
"""

import msgspec

from apps.sources.base import (
    Children,
    Connection,
    ConnectionReport,
    Context,
    Deletion,
    Estimate,
    Fetched,
    Slice,
    SliceArgs,
    SourceRecord,
    Transformed,
)
from apps.sources.definition import JobDefinition, ProgressStep, StepDefinition, whole_step
from apps.sources.errors import SourceError
from apps.sources.http import Http, HttpOptions, host
from apps.sources.refusals import missing
from apps.sources.rows import Project


class PageArgs(SliceArgs, frozen=True):
    """What a slice says: which page it is."""

    page: int


class Page(msgspec.Struct):
    """One page of the list, each note byte for byte."""

    notes: list[msgspec.Raw]
    total: int
    next: int | None = None


class NoteId(msgspec.Struct):
    """What the extraction reads of a note."""

    id: int


class Note(NoteId):
    """What the transform reads of a note."""

    title: str


class Tiny:
    """Implements :class:`apps.sources.base.Source`."""

    definition = JobDefinition(
        job_type="tiny",
        title="Tiny",
        steps=(StepDefinition("tiny_notes", "Notes", unit="note"),),
        progress_steps=(ProgressStep("Fetch notes", whole_step("tiny_notes")),),
    )

    def http(self, connection: Connection, options: HttpOptions = HttpOptions()) -> Http:
        return Http(connection.base_url, options)

    def quota_key(self, connection: Connection) -> str:
        return host(connection.base_url)

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        try:
            http.get("notes?page=1")
        except SourceError as error:
            return ConnectionReport(is_ok=False, problem=str(error))
        return ConnectionReport(is_ok=True)

    def start(self, step: str, context: Context) -> list[Slice]:
        return [Slice.of("notes", PageArgs(1))]

    def fetch(self, step: str, slice_: Slice, context: Context) -> Fetched:
        number = slice_.read(PageArgs).page
        request = f"notes?page={number}"
        page = context.http.get(request).decode(Page)
        records = [
            SourceRecord("note", str(msgspec.json.decode(raw, type=NoteId).id), bytes(raw), request=f"GET {request}")
            for raw in page.notes
        ]
        following = [Slice.of("notes", PageArgs(page.next), announced=page.total)] if page.next else []
        return Fetched(records, following, expected={"note": page.total} if number == 1 else {})

    def probe(self, context: Context) -> None:
        context.http.get("notes?page=1")

    def refused(self, step: str, slice_: Slice, error: SourceError, context: Context) -> Fetched:
        return missing(slice_, f"Page {slice_.read(PageArgs).page} of the notes", error)

    def transform_deletion(self, deletion: Deletion) -> Transformed:
        return Transformed(complete=[Children(Project, "external_id", deletion.external_id)])

    def estimate(self, context: Context) -> list[Estimate]:
        return [Estimate("", "note", context.http.get("notes?page=1").decode(Page).total)]

    def transform(self, record: SourceRecord, context: Context) -> Transformed:
        note = msgspec.json.decode(record.payload, type=Note)
        return Transformed(rows=[Project(external_id=str(note.id), key=f"NOTE-{note.id}", name=note.title)])
