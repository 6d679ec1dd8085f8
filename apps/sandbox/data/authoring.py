"""Who writes which pull requests, with which commits, reviews and texts, and which issue keys do they contain?"""

from random import Random

from apps.sandbox.chance import source
from apps.sandbox.clock import DAY, END, HOUR, Calendar
from apps.sandbox.data.catalogue import LABELS
from apps.sandbox.data.corpus import REMARKS, REVIEW_NOTES, Pen, Topic, topics
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.people import SamplePerson, Staff
from apps.sandbox.data.pulls import (
    SampleCommit,
    SampleNote,
    SamplePull,
    SampleRemark,
    SampleRepository,
    SampleReview,
    SampleThread,
    SampleTicket,
    node_id,
)

_CLOSING = ("Fixes", "Closes", "Resolves")
_STATES = ("APPROVED", "APPROVED", "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "COMMENTED", "DISMISSED")
MANY_COMMITS, MANY_REMARKS, LOST_FORK, FORK, DRAFT, BOT, FORCE_PUSHED, GHOST, UNLINKED, OLD_BRANCH = range(10)
_FIRST_IDS = {"pull": 1_910_000_000, "issue": 2_011_000_000, "review": 2_147_000_000, "note": 1_820_000_000,
              "remark": 1_990_000_000, "release": 190_000_000, "deployment": 1_450_000_000,
              "state": 2_050_000_000, "run": 9_300_000_000, "thread": 1}  # fmt: skip


class Author:
    """Writes pull requests and tickets; every new record has a larger id."""

    def __init__(self, seed: int, staff: Staff, calendar: Calendar) -> None:
        self.staff = staff
        self.calendar = calendar
        self._seed = seed
        self._made = 0
        self._ids = dict(_FIRST_IDS)

    def next_id(self, kind: str) -> int:
        """The next id of a kind; ids of reviews exceed 32 bits, as real ones do."""
        self._ids[kind] += 1013
        return self._ids[kind]

    def next_rng(self) -> Random:
        """A separate random source for the next record."""
        self._made += 1
        return source((self._seed << 41) + self._made)

    def ticket(self, repository: SampleRepository, work: float) -> None:
        """A GitHub issue of a person without a Jira account."""
        rng = self.next_rng()
        pen = Pen(rng)
        topic = rng.choice(topics(repository.project))
        created = self.calendar.moment(work)
        closed = created + int(rng.expovariate(1 / 9) * 86_400_000) + 3_600_000
        done = closed if closed < self.calendar.until else None
        number = self.next_id("issue")
        ticket = SampleTicket(
            number,
            node_id("I", repository.id, number),
            repository,
            0,
            pen.pick(topic.bugs),
            f"{pen.pick(topic.symptoms)}\n\n{pen.trap()}",
            rng.choice(self.staff.coders),
            created,
            done or created,
            done,
            rng.sample(LABELS, 1),
        )
        repository.tickets.append(ticket)

    def pull(
        self, repository: SampleRepository, work: float, issues: list[SampleIssue], special: int | None
    ) -> SamplePull:
        """A pull request that begins at a work minute and belongs to `issues`."""
        rng = self.next_rng()
        pen = Pen(rng)
        topic = issues[0].topic if issues else rng.choice(topics(repository.project))
        is_bot = special == BOT or rng.random() < 0.05
        if is_bot or special == UNLINKED:
            issues = []
        person = self.staff.dependabot if is_bot else rng.choice(self.staff.coders)
        lost = special == GHOST or rng.random() < 0.01
        number = self.next_id("pull")
        created = self._moment(work, rng)
        pull = SamplePull(
            number, node_id("PR", repository.id, number), repository, 0, "", "",
            None if lost else person, created, created, self.next_id("issue"), "",
            self._trunk_oid(repository, rng), repository.owner,
            labels=rng.sample(LABELS, 1) if rng.random() < 0.4 else [], paths=topic.paths,
            assignees=[person] if rng.random() < 0.5 else [], milestone=1 if rng.random() < 0.2 else None,
        )  # fmt: skip
        self._title(pull, pen, topic, is_bot)
        stacked = self._write_commits(pull, pen, topic, person, work, special)
        self._link(pull, pen, topic, issues, pull.commits[1 if stacked else 0])
        self._fork(pull, person, rng, special)
        end = work + rng.expovariate(1 / (1.4 * DAY)) + HOUR / 2
        if special == MANY_REMARKS:
            end = min(work + 15 * DAY, END - 1)
        self._discuss(pull, pen, person, work, min(end, END), special)
        self._end(pull, rng, end, special)
        return pull

    def _title(self, pull: SamplePull, pen: Pen, topic: Topic, is_bot: bool) -> None:
        if is_bot:
            pull.title = pen.write("Bump msgspec from 0.{n} to {ver}")
            pull.head_ref = f"dependabot/{pull.repository.language.lower()}/{pull.title.split()[-1]}"
            pull.labels = ["dependencies"]
            pull.body = pen.write("Bumps msgspec to {ver}.\n\nRelease notes: the cache key is a SHA-256 digest now.")
            return
        pull.title = pen.pick(topic.fixes).rstrip(".")[:120]
        slug = "-".join("".join(c for c in w.lower() if c.isalnum()) for w in pull.title.split()[:5])
        pull.head_ref = f"{pen.rng.choice(('feature', 'fix', 'chore'))}/{slug}"
        pull.body = f"### What\n{pull.title}.\n\n### Why\n{pen.pick(topic.symptoms)} {pen.pick(topic.causes)}\n\n" \
                    f"### Checked\n- {pen.pick(topic.checks)}\n- {pen.trap()}\n"  # fmt: skip

    def _trunk_oid(self, repository: SampleRepository, rng: Random) -> str:
        return repository.trunk[-1].oid if repository.trunk else f"{rng.getrandbits(160):040x}"

    def _write_commits(
        self, pull: SamplePull, pen: Pen, topic: Topic, person: SamplePerson, work: float, special: int | None
    ) -> bool:
        """Write about three commits; true when the first one also belongs to another branch."""
        rng = pen.rng
        count = 260 if special == MANY_COMMITS else 1 if person.is_bot else min(12, int(rng.expovariate(0.36)) + 1)
        before = 80 * DAY if special == OLD_BRANCH else DAY
        stacked = bool(pull.repository.pulls) and rng.random() < 0.02
        if stacked:
            below = pull.repository.pulls[-1]
            pull.commits.append(below.commits[0])
            pull.links |= {(k, e) for k, e in below.links if e == "commit" and k in below.commits[0].message}
        parent = pull.base_oid
        for index in range(count):
            authored = self.calendar.moment(work - before * (count - index) / count * rng.random())
            authored = min(authored, pull.created)
            committed = min(
                authored + (int(rng.random() * 3) * 3_600_000 if rng.random() < 0.2 else 0), self.calendar.until
            )
            unknown = rng.random() < 0.04
            words = "Bump msgspec" if person.is_bot else f"{pen.pick(topic.fixes).rstrip('.')}"
            if rng.random() < 0.3:
                words += f"\n\n{pen.pick(topic.causes)} {pen.trap()}"
            pull.commits.append(SampleCommit(
                f"{rng.getrandbits(160):040x}", pull.repository, words, None if unknown else person,
                person.name, "root@build-agent.invalid" if unknown else person.email, authored, committed,
                int(rng.expovariate(0.03)) + 1, int(rng.expovariate(0.06)), 1 + int(rng.random() * 4), (parent,),
            ))  # fmt: skip
            parent = pull.commits[-1].oid
        pull.files = min(sum(c.files for c in pull.commits), 400)
        return stacked

    def _link(self, pull: SamplePull, pen: Pen, topic: Topic, issues: list[SampleIssue], first: SampleCommit) -> None:
        """Put the keys of the issues into branch, title, commits and body, and store where they are."""
        rng = pen.rng
        for position, issue in enumerate(issues):
            key = issue.key
            if position == 0 and rng.random() < 0.65:
                pull.head_ref = pull.head_ref.replace("/", f"/{key}-", 1)
                pull.links.add((key, "branch"))
            if position == 0 and rng.random() < 0.55:
                pull.title = rng.choice((f"{key}: {pull.title}", f"[{key}] {pull.title}", f"{pull.title} ({key})"))
                pull.links.add((key, "title"))
            if rng.random() < 0.5:
                first.message = f"{key} {first.message}"
                pull.links.add((key, "commit"))
            luck = rng.random()
            if luck < 0.35:
                pull.body += f"\n{rng.choice(_CLOSING)} {key}\n"
                pull.links.add((key, "closing"))
            elif luck < 0.65 or not any(k == key for k, _ in pull.links):
                pull.body += f"\nPart of {key}, {topic.component}.\n"
                pull.links.add((key, "body"))
            if rng.random() < 0.8:
                pull.links.add((key, "dev_panel"))

    def _fork(self, pull: SamplePull, person: SamplePerson, rng: Random, special: int | None) -> None:
        if special == LOST_FORK or rng.random() < 0.02:
            pull.head_owner = None
        elif special == FORK or rng.random() < 0.03:
            pull.head_owner = person.login

    def _discuss(
        self, pull: SamplePull, pen: Pen, person: SamplePerson, work: float, end: float, special: int | None
    ) -> None:
        """Write reviews with their comments, and the comments below the pull request."""
        rng = pen.rng
        many = special == MANY_REMARKS
        silent = rng.random() < 0.12 and not many
        reviewers = [p for p in self.staff.coders if p is not person]
        for _ in range(0 if silent else 120 if many else min(8, int(rng.expovariate(0.45)) + 1)):
            review = self.review(pull, rng.choice(reviewers), pen, self._between(work, end, rng))
            for _ in range(1 if many else int(rng.expovariate(0.75))):
                self._note(pull, review, pen)
        for _ in range(0 if silent else 130 if many else min(9, int(rng.expovariate(0.43)))):
            who: SamplePerson | None = rng.choice(self.staff.coders) if rng.random() < 0.93 else None
            self.remark(pull, who, pen, self._between(work, end, rng))
        pull.reviews.sort(key=lambda r: r.submitted)
        pull.remarks.sort(key=lambda r: r.created)
        if special == FORCE_PUSHED or rng.random() < 0.06:
            for review in pull.reviews[: max(1, len(pull.reviews) // 2)]:
                self.lose_commit(review, rng)
        if rng.random() < 0.25:
            pull.requested = [rng.choice(reviewers)]

    def review(self, pull: SamplePull, reviewer: SamplePerson, pen: Pen, at: int) -> SampleReview:
        """A review without comments."""
        rng = pen.rng
        number = self.next_id("review")
        state = rng.choice(_STATES)
        body = pen.pick(REVIEW_NOTES) if rng.random() < 0.4 else "LGTM" if state == "APPROVED" else ""
        pull.reviews.append(SampleReview(number, node_id("PRR", pull.repository.id, number),
                                         None if rng.random() < 0.03 else reviewer, state, body, at,
                                         rng.choice(pull.commits).oid, has_lost_commit=False))  # fmt: skip
        pull.touch(at)
        return pull.reviews[-1]

    def _note(self, pull: SamplePull, review: SampleReview, pen: Pen) -> None:
        """A review comment; some answer an earlier one of the same review."""
        rng = pen.rng
        number = self.next_id("note")
        line = 1 + int(rng.random() * 240)
        answers = rng.random() < 0.25 and bool(review.notes)
        first = review.notes[0] if answers else None
        note = SampleNote(
            number, node_id("PRRC", pull.repository.id, number), None if rng.random() < 0.03 else review.author,
            pen.pick(REVIEW_NOTES), review.submitted, review.submitted, first.path if first else rng.choice(pull.paths),
            None if rng.random() < 0.2 else line, line, review, review.oid, has_lost_commit=False, reply_to=first,
        )  # fmt: skip
        review.notes.append(note)
        if first:
            next(t for t in pull.threads if t.notes[0] is first).notes.append(note)
        else:
            pull.threads.append(SampleThread(node_id("PRRT", pull.repository.id, number), rng.random() < 0.6, [note]))

    def lose_commit(self, review: SampleReview, rng: Random) -> None:
        """Simulate a force-push: the commit of the review no longer exists."""
        review.oid = f"{rng.getrandbits(160):040x}"
        review.has_lost_commit = True
        for note in review.notes:
            note.oid, note.has_lost_commit, note.line = review.oid, True, None

    def remark(self, pull: SamplePull, who: SamplePerson | None, pen: Pen, at: int) -> SampleRemark:
        """A comment below the pull request."""
        number = self.next_id("remark")
        words = f"{pen.pick(REMARKS)} {pen.trap()}" if pen.rng.random() < 0.4 else pen.pick(REMARKS)
        pull.remarks.append(SampleRemark(number, node_id("IC", pull.repository.id, number), who, words, at, at))
        pull.touch(at)
        return pull.remarks[-1]

    def _end(self, pull: SamplePull, rng: Random, end: float, special: int | None) -> None:
        """Merge the pull request, close it without merge, or leave it open."""
        pull.draft = special == DRAFT
        if end >= END or special == DRAFT or rng.random() < 0.03:
            return
        at = max(self._moment(end, rng), pull.updated)
        pull.closed = min(at + (int(rng.random() * 4) * 1000 if rng.random() < 0.3 else 0), self.calendar.until - 1)
        pull.touch(pull.closed)
        if rng.random() < 0.09:
            return
        self.merge(pull, at, rng)

    def merge(self, pull: SamplePull, at: int, rng: Random) -> None:
        """Merge at a moment; the default branch gets the commit."""
        pull.merged = at
        pull.merged_by = rng.choice(self.staff.coders)
        pull.method = rng.choices(("squash", "merge", "rebase"), (6, 3, 1))[0]
        pull.merge_oid = pull.head_oid if pull.method == "rebase" else f"{rng.getrandbits(160):040x}"
        trunk = pull.repository.trunk
        if pull.method != "squash":
            known = {c.oid for c in trunk[-40:]}
            trunk.extend(c for c in pull.commits if c.oid not in known)
        if pull.method != "rebase":
            person = pull.merged_by
            parents = (pull.base_oid,) if pull.method == "squash" else (pull.base_oid, pull.head_oid)
            trunk.append(SampleCommit(
                pull.merge_oid, pull.repository, pull.title, person, person.name, person.email, at, at,
                pull.additions, pull.deletions, pull.files, parents,
            ))  # fmt: skip

    def finish_texts(self, pull: SamplePull) -> None:
        """Write the texts that need the number: the message of the squash commit and references to tickets."""
        if pull.merge_oid:
            for commit in pull.repository.trunk:
                if commit.oid == pull.merge_oid and commit.message == pull.title:
                    commit.message = f"{pull.title} (#{pull.number})"
        near = [t for t in pull.repository.tickets if t.created < pull.created][-1:]
        if near and pull.id % 11 == 0:
            pull.closes = near
            pull.body += f"\nCloses #{near[0].number}\n"

    def _moment(self, work: float, rng: Random) -> int:
        return min(self.calendar.moment(work) + int(rng.random() * 59) * 1000, self.calendar.until - 1000)

    def _between(self, work: float, end: float, rng: Random) -> int:
        return max(self._moment(work + (end - work) * rng.random(), rng), self._moment(work, source(0)) + 60_000)
