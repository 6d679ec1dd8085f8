"""Which flow step does a status without a mapping most likely belong to?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.integrations.models import Integration
from apps.mappings.choices import FlowCategory
from apps.mappings.guess import guess_category
from apps.mappings.models import FlowStep, StatusMapping
from apps.mappings.selectors import ReportedStatus, reported_statuses, status_keys_with_mapping
from apps.tenants.models import Tenant
from apps.warehouse.models import Project


@dataclass(frozen=True)
class Guess:
    """A flow step for a status name. ``project`` is the provider's project id if only that project is meant."""

    name: str
    step: FlowStep
    project: str = ""


def guess_status_mappings(tenant: Tenant, integration: Integration) -> list[StatusMapping]:
    """A mapping for each reported status, in each active workflow that has no mapping for it, active or inactive."""
    by_workflow: dict[int, list[FlowStep]] = defaultdict(list)
    steps = FlowStep.objects.for_tenant(tenant).filter(is_active=True, workflow__is_active=True)
    for step in steps.order_by("position"):
        by_workflow[step.workflow_id].append(step)
    by_key: dict[str, list[ReportedStatus]] = defaultdict(list)
    for status in reported_statuses(tenant, integration):
        by_key[status.key].append(status)
    mapped = status_keys_with_mapping(tenant, integration)
    projects = dict(Project.objects.for_tenant(tenant).filter(integration=integration).values_list("external_id", "pk"))
    return [
        StatusMapping(
            tenant=tenant,
            integration=integration,
            project_id=projects.get(guess.project),
            provider_status=guess.name,
            flow_step=guess.step,
            workflow_id=workflow,
        )
        for workflow, own_steps in by_workflow.items()
        for key, statuses in by_key.items()
        if (workflow, key) not in mapped
        for guess in guess_steps(own_steps, statuses)
        if not guess.project or guess.project in projects
    ]


def guess_steps(steps: list[FlowStep], statuses: list[ReportedStatus]) -> Iterator[Guess]:
    """One guess for all statuses of the same name, by majority, and one for each project that differs from it."""
    fits = [(status, fitting_step(steps, status.name, status.category)) for status in statuses]
    counted = Counter(step.pk for _, step in fits if step)
    if not counted:
        return
    common = counted.most_common(1)[0][0]
    name, step = next((status.name, step) for status, step in fits if step and step.pk == common)
    yield Guess(name, step)
    differing = {status.project: (status, own) for status, own in fits if own and own.pk != common and status.project}
    for project, (status, own) in differing.items():
        yield Guess(status.name, own, project)


def fitting_step(steps: Iterable[FlowStep], name: str, category: str) -> FlowStep | None:
    """The first of ``steps`` in the guessed category. A step of the same name wins; without a category only it fits."""
    guessed = guess_category(name=name, category=category)
    namesakes = [step for step in steps if step.name.lower() == name.lower()]
    if guessed is None:
        return next(iter(namesakes), None)
    wanted = [guessed, FlowCategory.ACTIVE] if guessed == FlowCategory.WAITING else [guessed]
    candidates = [step for each in wanted for step in steps if step.category == each]
    return next((step for step in candidates if step in namesakes), None) or next(iter(candidates), None)
