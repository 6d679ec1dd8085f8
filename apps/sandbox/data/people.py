"""Who works in the sample company, and under which names do Jira, GitHub and git know them?"""

import unicodedata
from dataclasses import dataclass
from random import Random
from typing import Literal

from apps.sandbox.encoding import opaque

_NAMES = (
    "Amira Haddad", "Jonas Becker", "Priya Raman", "Łukasz Wójcik", "Chen Wei", "Sofía Delgado", "Noah Fischer",
    "Ingrid Solberg", "Tomás Ferreira", "Yuki Tanaka", "Olena Kovalenko", "Marcus Öztürk", "Grace Okafor",
    "Pierre Lefèvre", "Hannah Schmidt", "Dmitri Volkov", "Leila Rahimi", "Samuel Mensah", "Zoë van Dijk",
    "Ravi Patel", "Katarzyna Nowak", "Ethan Brooks", "Aoife Brennan", "Mateo Rossi", "Linh Nguyen",
    "Fatima Al-Sayed", "Björn Lindqvist", "Camille Moreau", "David Cohen", "Elif Yılmaz", "Daniel Kim",
    "Nadia Popescu", "Oscar Jiménez", "Petra Novotná", "Hassan Mahmoud", "Julia Braun",
)  # fmt: skip

EmailForm = Literal["given", "null", "empty", "absent"]


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """One person or robot. `login` is None for people without a GitHub account."""

    index: int
    name: str
    account_id: str
    account_type: str
    active: bool
    email: str
    email_form: EmailForm
    login: str | None
    github_id: int
    node_id: str
    is_bot: bool
    zone: str


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(str.maketrans("łıø", "lio")))
    return "".join(c if c.isalpha() else "-" for c in plain if c.isascii())


def _human(index: int, name: str, rng: Random) -> SamplePerson:
    slug = _slug(name)
    github_id = 1_200_000 + index * 7919
    form: EmailForm = ("null", "empty", "absent")[index % 3] if index % 7 == 3 else "given"
    return SamplePerson(
        index, name, f"{rng.getrandbits(48):012x}{rng.getrandbits(48):012x}", "atlassian", index % 17 != 5,
        f"{slug.replace('-', '.')}@meridian.example", form, None if index % 12 == 11 else slug,
        github_id, "U_kgDO" + opaque(f"{github_id:08x}"[:6]).rstrip("="), False,
        ("Europe/Berlin", "America/New_York", "Asia/Kolkata")[index % 3],
    )  # fmt: skip


def _robot(index: int, name: str, account_id: str, login: str, github_id: int) -> SamplePerson:
    return SamplePerson(
        index, name, account_id, "app", True, f"{github_id}+{login}[bot]@users.noreply.github.com", "absent",
        login, github_id, "BOT_kgDO" + opaque(f"{github_id:08x}"[:6]).rstrip("="), True, "Etc/UTC",
    )  # fmt: skip


@dataclass(frozen=True)
class Staff:
    """Everybody; `humans` work on issues, `coders` are the humans with a GitHub account."""

    everybody: tuple[SamplePerson, ...]
    humans: tuple[SamplePerson, ...]
    coders: tuple[SamplePerson, ...]
    former: SamplePerson
    unknown: SamplePerson
    automation: SamplePerson
    dependabot: SamplePerson
    viewer: SamplePerson


def hire(rng: Random) -> Staff:
    """The staff of a seed."""
    humans = [_human(index, name, rng) for index, name in enumerate(_NAMES)]
    count = len(humans)
    former = SamplePerson(
        count, "Former user", "5f8d00000000000000000001", "atlassian", False, "", "absent", None, 0, "", False, ""
    )
    unknown = SamplePerson(count + 1, "unknown", "unknown", "unknown", False, "", "null", None, 0, "", False, "")
    automation = _robot(count + 2, "Automation for Jira", "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
                        "meridian-release", 88_112_233)  # fmt: skip
    dependabot = _robot(count + 3, "Dependabot", "712020:dependabot", "dependabot", 49_699_333)
    everybody = (*humans, former, unknown, automation, dependabot)
    coders = tuple(p for p in humans if p.login)
    return Staff(everybody, tuple(humans), coders, former, unknown, automation, dependabot, coders[0])
