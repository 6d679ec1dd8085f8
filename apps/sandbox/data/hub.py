"""Which repositories and pull requests does the GitHub organisation have, and to which issues do they belong?"""

from bisect import bisect
from itertools import accumulate

from apps.sandbox.chance import source
from apps.sandbox.clock import END, Calendar
from apps.sandbox.data.authoring import Author
from apps.sandbox.data.catalogue import ORGANISATION, REPOSITORIES, RepositorySpec
from apps.sandbox.data.corpus import NASTY
from apps.sandbox.data.delivery import deliver
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.people import Staff
from apps.sandbox.data.pulls import SamplePull, SampleRepository, SampleTicket, node_id
from apps.sandbox.data.site import SampleSite

_FIRST_REPOSITORY = 710_000_000


class SampleHub:
    """All repositories by id and name, all pull requests by id."""

    def __init__(self, seed: int, size: int, staff: Staff, calendar: Calendar, site: SampleSite) -> None:
        self.staff = staff
        self.calendar = calendar
        self.site = site
        self._rng = source(seed + 77)
        self.author = Author(seed, staff, calendar)
        self.repositories = [self._found(i, spec) for i, spec in enumerate(REPOSITORIES)]
        self.personal = self._found(
            len(REPOSITORIES), RepositorySpec("dotfiles", "", "Shell", "My settings", is_empty=True)
        )
        self.personal.owner = staff.viewer.login or ""
        self.by_id: dict[int, SamplePull] = {}
        self._candidates = self._linkable()
        self._populate(size)
        for repository in self.repositories:
            if repository.pulls:
                deliver(repository, self.author, source(seed + repository.id))
            self._date(repository)

    @property
    def everything(self) -> list[SampleRepository]:
        """The repositories of the organisation and the repository of the viewer."""
        return [*self.repositories, self.personal]

    def find(self, owner: str, name: str) -> SampleRepository | None:
        """The repository with this name now; upper and lower case are the same."""
        wanted = f"{owner}/{name}".lower()
        return next((r for r in self.everything if r.full_name.lower() == wanted), None)

    def find_renamed(self, owner: str, name: str) -> SampleRepository | None:
        """The repository that had this name before."""
        wanted = f"{owner}/{name}".lower()
        return next((r for r in self.everything if wanted in (former.lower() for former in r.former_names)), None)

    def _found(self, index: int, spec: RepositorySpec) -> SampleRepository:
        number = _FIRST_REPOSITORY + index * 104_729
        created = self.calendar.moment(index * 60) - 86_400_000 * (400 + index * 13)
        return SampleRepository(
            number, node_id("R", 0, number), spec.name, ORGANISATION, spec.description, spec.language, spec.project,
            spec.private, spec.archived, spec.is_empty, created, created, created,
            [f"{ORGANISATION}/{spec.former_name}"] if spec.former_name else [],
        )  # fmt: skip

    def _linkable(self) -> dict[str, list[SampleIssue]]:
        """Issues on which people worked, by project, in order of creation."""
        moved = set(self.site.moved.values())
        chosen: dict[str, list[SampleIssue]] = {r.project: [] for r in self.repositories}
        for issue in self.site.by_id.values():
            if issue.type.level < 1 and issue.assignee and issue.id not in moved:
                chosen[issue.project.first_key].append(issue)
        for issues in chosen.values():
            issues.sort(key=lambda i: i.created)
        return chosen

    def _populate(self, size: int) -> None:
        rng = self._rng
        working = [(r, s) for r, s in zip(self.repositories, REPOSITORIES, strict=True) if s.weight]
        limits = list(accumulate(spec.weight for _, spec in working))
        for index in range(size):
            repository, spec = working[bisect(limits, rng.random() * limits[-1])]
            work = (index + rng.random()) / size * END * 0.995
            if spec.archived:
                work *= 0.3
            if rng.random() < 0.06:
                self.author.ticket(repository, work)
            self.add(repository, work, special=index)
        for repository in self.repositories:
            repository.pulls.sort(key=lambda p: p.created)
            self._number(repository)
        self._spoil([p for r in self.repositories for p in r.pulls])

    def add(self, repository: SampleRepository, work: float, special: int | None = None) -> SamplePull:
        """Add a pull request at a work minute; `special` chooses one of the rare kinds by its number."""
        pull = self.author.pull(repository, work, self._issues_for(repository, self.calendar.moment(work)), special)
        repository.pulls.append(pull)
        self.by_id[pull.id] = pull
        for key, kind in pull.links:
            if kind == "dev_panel":
                self.site.by_key[key].pulls.append(pull.id)
        return pull

    def _issues_for(self, repository: SampleRepository, at: int) -> list[SampleIssue]:
        """Up to two issues on which people worked at that moment."""
        issues = self._candidates[repository.project]
        rng = self._rng
        place = bisect(issues, at, key=lambda i: i.created)
        near = [i for i in issues[max(0, place - 40) : place] if i.key in self.site.by_key]
        if not near or rng.random() < 0.1:
            return []
        return rng.sample(near, min(len(near), 2 if rng.random() < 0.2 else 1))

    def _number(self, repository: SampleRepository) -> None:
        """Number tickets and pull requests together, in order of creation."""
        both: list[SamplePull | SampleTicket] = sorted(
            [*repository.pulls, *repository.tickets], key=lambda x: (x.created, x.id)
        )
        for number, item in enumerate(both, 1):
            item.number = number
        repository.last_number = len(both)
        for pull in repository.pulls:
            self.author.finish_texts(pull)

    def _spoil(self, pulls: list[SamplePull]) -> None:
        """Put difficult texts into some pull requests and comments."""
        for position, text in enumerate(NASTY):
            pull = pulls[(position * 2 + 1) * len(pulls) // (2 * len(NASTY) + 1)]
            pull.title = f"{text} {pull.title}"[:256]
            if pull.remarks:
                pull.remarks[0].body = text
            if pull.threads:
                pull.threads[0].notes[0].body = text
            pull.links = {(k, e) for k, e in pull.links if e != "title" or k in pull.title}

    def _date(self, repository: SampleRepository) -> None:
        moments = [p.updated for p in repository.pulls] + [r.published for r in repository.releases]
        repository.pushed = repository.updated = max([repository.updated, *moments])
