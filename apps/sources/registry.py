"""Which sources and jobs exist? A new source is a new folder and one line here."""

from apps.sources.base import Source
from apps.sources.definition import JobDefinition
from apps.sources.github import GitHub
from apps.sources.jira import Jira

SOURCES: dict[str, Source] = {
    "jira": Jira(),
    "github": GitHub(),
}

_definitions: dict[str, JobDefinition] = {}


def register_definition(definition: JobDefinition) -> None:
    """Add a job that belongs to no source (the vectorization)."""
    _definitions[definition.job_type] = definition


def definitions() -> dict[str, JobDefinition]:
    """Every job by its type."""
    return {source.definition.job_type: source.definition for source in SOURCES.values()} | _definitions


def definition(job_type: str) -> JobDefinition:
    """The definition of a job type; ``KeyError`` names an unknown one."""
    found = definitions()
    if job_type not in found:
        raise KeyError(f"There is no job type {job_type!r}. There are: {', '.join(sorted(found))}.")
    return found[job_type]


def job_type_choices() -> list[tuple[str, str]]:
    """Every job type with its title."""
    return [(name, job.title) for name, job in definitions().items()]
