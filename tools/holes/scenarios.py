"""In which situations is each hole tried? A first load, a run after changes, a sweep after deletions."""

from dataclasses import dataclass

# The states of the sandbox, each a server of its own: as it was loaded, after edits, and after deletions as well.
BEFORE, EDITED, DELETED = "before", "edited", "deleted"
_EDITS = (
    *("edit", "comment", "uncomment", "status", "move", "create"),
    *("edit_pull", "comment_pull", "review_pull", "merge_pull", "force_push", "deliver"),
)
# A new pull request changes no issue: only a sweep finds it in Jira's development panels.
EDITS = {"jira": _EDITS, "github": (*_EDITS, "new_pull")}
_DELETIONS = (
    *("delete", "delete_remark", "delete_note", "delete_review", "delete_pull", "delete_release", "delete_deployment"),
)
DELETIONS = {"jira": (*_DELETIONS, "new_pull"), "github": _DELETIONS}

PROJECTS = ("PAY", "CHK", "IDN", "K8S", "MOB", "GROW", "LAGER", "PORTAL")
REPOSITORIES = tuple(
    f"meridian-labs/{name}"
    for name in (
        *("payments-api", "checkout-web", "identity-service", "platform-infra", "mobile-app", "growth-experiments"),
        *("wms-backend", "legacy-shop", "incubator"),
    )
)


@dataclass(frozen=True)
class Account:
    """An integration that is tried: a provider, over GraphQL or not, with chosen projects or repositories or all."""

    name: str
    provider: str
    with_graphql: bool = True
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One situation: what was loaded before, what the provider has now, and what kind of run reads it."""

    account: Account
    name: str
    world: str
    is_loaded: bool = True
    with_sweep: bool = False

    @property
    def title(self) -> str:
        """Account and name."""
        return f"{self.account.name}: {self.name}"


JIRA = Account("Jira", "jira")
GITHUB = Account("GitHub", "github")
# Without the repository of a pull request with 260 commits: over REST GitHub gives only 250 of one.
_IN_REST = tuple(name for name in REPOSITORIES if not name.endswith("/mobile-app"))
GITHUB_REST = Account("GitHub over REST", "github", with_graphql=False, scopes=_IN_REST)
JIRA_CHOSEN = Account("Jira, chosen projects", "jira", scopes=PROJECTS)
GITHUB_CHOSEN = Account("GitHub, chosen repositories", "github", scopes=REPOSITORIES)
ACCOUNTS = (JIRA, GITHUB, GITHUB_REST, JIRA_CHOSEN, GITHUB_CHOSEN)

FIRST, CHANGES, SWEEP = "first load", "changes", "sweep"
SCENARIOS = tuple(
    scenario
    for account in ACCOUNTS
    for scenario in (
        Scenario(account, FIRST, BEFORE, is_loaded=False),
        Scenario(account, CHANGES, EDITED),
        Scenario(account, SWEEP, DELETED, with_sweep=True),
    )
)
