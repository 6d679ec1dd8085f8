"""What do people write about? Topics with symptoms, causes and fixes. Sentences are made from templates."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import msgspec

from apps.sandbox.encoding import SURROGATE_MARK

_FOLDER = Path(__file__).with_name("corpus")
_CUSTOMERS = ("Nordlicht Outdoor", "Casa Verde", "Papierfabrik Lenz", "BlueHarbour", "Atelier Rivoli", "Kestrel & Sons",
              "Tanaka Living", "Fjordmat", "Glaswerk Jena", "Orchard Lane")  # fmt: skip
_REGIONS = ("Germany", "Poland", "the Nordics", "France", "Spain", "eu-central-1", "us-east-1", "Italy", "Austria")
_TRAPS = (
    "Files are read as UTF-8.", "The digest is SHA-256.", "The service answered HTTP-404 in between.",
    "Dates follow ISO-8601.", "See RFC-7231 for the meaning of the header.", "Checked with TLS-13 as well.",
)  # fmt: skip
REMARKS = (
    "I can reproduce this on staging with the data of {customer}.",
    "Looks like the same problem we had before release {ver}.",
    "Could somebody from the team confirm the numbers for {region}?",
    "Moved to the next sprint, the review took longer than planned.",
    "Talked to {customer}: a workaround is enough until the end of the month.",
    "The graph shows {ms} ms at the ninety-fifth percentile, so this is still open.",
    "Please add a test that fails without the change.",
    "Verified on staging with version {ver}, works as described.",
    "Not reproducible since {ver}; lowering the priority.",
    "Paired on this for {n} minutes, see the notes above.",
)
REVIEW_NOTES = (
    "Could we give this function a name that says what it returns?",
    "This holds the connection while it waits for {ms} ms; please release it before.",
    "What happens when the list is empty?",
    "Nice, this is much easier to follow than before.",
    "Please add a case with {n} rows, the old code broke exactly there.",
    "nit: the comment repeats the code.",
    "This catches every exception and hides the cause. Could we narrow it?",
    "Is there a reason not to use the helper from the module above?",
    "The time zone is missing here, see the incident of last month.",
    "I would move this check in front of the database call.",
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject of a project. Its texts may contain the slots n, ms, pct, ver, customer and region."""

    name: str
    component: str
    paths: tuple[str, ...]
    bugs: tuple[str, ...]
    stories: tuple[str, ...]
    symptoms: tuple[str, ...]
    causes: tuple[str, ...]
    fixes: tuple[str, ...]
    checks: tuple[str, ...]
    log: str


@cache
def topics(project: str) -> tuple[Topic, ...]:
    """The topics of a project, by its key."""
    with (_FOLDER / f"{project}.toml").open("rb") as file:
        found = tomllib.load(file)["topic"]
    return tuple(msgspec.convert(found, list[Topic]))


class Pen:
    """Writes sentences; the same `rng` state writes the same words."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._slots: dict[str, object] = {}
        self.renew()

    def renew(self) -> None:
        """Choose new numbers, names and regions for the next sentences."""
        rng = self.rng
        pick = rng.random
        self._slots = {
            "n": int(pick() * 95) + 3,
            "ms": int(pick() * 88) * 50 + 350,
            "pct": int(pick() * 60) + 4,
            "ver": f"{int(pick() * 6) + 2}.{int(pick() * 30)}.{int(pick() * 9)}",
            "customer": _CUSTOMERS[int(pick() * len(_CUSTOMERS))],
            "region": _REGIONS[int(pick() * len(_REGIONS))],
        }

    def write(self, template: str) -> str:
        """Fill the slots of one sentence."""
        return template.format_map(self._slots)

    def pick(self, templates: tuple[str, ...]) -> str:
        """One of several sentences."""
        return self.write(templates[int(self.rng.random() * len(templates))])

    def some(self, templates: tuple[str, ...], count: int) -> list[str]:
        """`count` different sentences, or as many as there are."""
        return [self.write(t) for t in self.rng.sample(templates, min(count, len(templates)))]

    def trap(self) -> str:
        """A sentence with a word that looks like an issue key but is none."""
        return self.pick(_TRAPS)


NASTY = (
    "NUL in the middle: before\x00after",
    f"A broken emoji {SURROGATE_MARK} from a cut-off text",
    "🚀🧨 Rocket start 👩‍👩‍👧‍👦 and flags 🇺🇦🇯🇵",
    "שגיאה בטעינת הסל مرحبا بالعالم \u202egnirts desrever\u202c",
    "Very long: " + "an error that describes itself again and " * 5 + "ends here",
)
