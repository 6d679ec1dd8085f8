"""What does every page know? Who is looking, for which tenant, and where one can go from here."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.tenants.current import TenantRequest
from apps.tenants.models import Refresh, Role, Tenant, Theme
from apps.tenants.selectors import tenants_of


@dataclass(frozen=True)
class Place:
    """One entry of the navigation."""

    title: str
    icon: str
    url: str
    current: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class Shortcut:
    """Keys to press one after the other, and what they do: go to an address, or click what has this selector."""

    keys: str
    does: str
    page: str = ""
    click: str = ""


SHORTCUTS = [
    Shortcut("g h", "Go to the home page", page="home"),
    Shortcut("g j", "Go to the jobs", page="jobs"),
    Shortcut("g r", "Go to the runs", page="runs"),
    Shortcut("g s", "Go to the search", page="search"),
    Shortcut("g q", "Go to the data set aside", page="quarantine"),
    Shortcut("g p", "Go to your preferences", page="preferences"),
    Shortcut("/", "Write into the page's search or filter", click="main input[type=search]"),
    Shortcut("?", "Show this list", click="#shortcuts-open"),
]


class Site:
    """Read by the templates as ``site``; asks the database only for what a page shows."""

    themes = Theme.values
    refreshes = Refresh.choices

    def __init__(self, request: HttpRequest) -> None:
        self._request = cast(TenantRequest, request)

    @property
    def theme(self) -> str:
        """The theme that the user has chosen; the system's before the log-in."""
        return getattr(self._request.user, "theme", Theme.SYSTEM.value)

    @property
    def refresh(self) -> int:
        """Every how many seconds the user's pages ask for what is new; 0 is live."""
        return getattr(self._request.user, "refresh", Refresh.LIVE.value)

    @property
    def platform_time_zone(self) -> str:
        """The clock of those who have chosen none."""
        return settings.TIME_ZONE

    @property
    def shortcuts(self) -> list[Shortcut]:
        """The keys of the product; none for a person who has switched them off."""
        return SHORTCUTS if getattr(self._request.user, "shortcuts", False) else []

    @cached_property
    def tenants(self) -> list[Tenant]:
        """The tenants that the user may switch to."""
        return list(tenants_of(self._request.user))

    @property
    def tenant(self) -> Tenant:
        """The tenant that the page is about; false for a person without any."""
        return self._request.tenant

    @property
    def role(self) -> Role | None:
        """The user's role in that tenant."""
        return self._request.role or None

    @property
    def places(self) -> list[Place]:
        """The pages of the product."""
        return [
            self._page("Home", "home", "home"),
            self._page("Jobs", "jobs", "jobs", "job"),
            self._page("Runs", "runs", "runs", "run"),
            self._page("Search", "search", "search"),
            self._page("Data set aside", "aside", "quarantine", "quarantine-group", "quarantine-record"),
        ]

    @property
    def flower(self) -> str:
        """Where an admin sees the workers; empty for others and where it does not run."""
        return settings.FLOWER_URL if self.role == Role.ADMIN else ""

    @property
    def tools(self) -> list[Place]:
        """Where things are set up."""
        if not self._request.user.is_staff:
            return []
        places = [
            Place("Integrations", "plug", reverse("admin:integrations_integration_changelist")),
            Place("Mappings", "mapping", reverse("admin:app_list", args=["mappings"])),
            Place("Admin", "admin", reverse("admin:index")),
        ]
        if self.flower:
            places.append(Place("Flower", "flower", self.flower, elsewhere=True))
        return places

    def _page(self, title: str, icon: str, *names: str) -> Place:
        match = self._request.resolver_match
        return Place(title, icon, reverse(names[0]), current=bool(match and match.view_name in names))


def site(request: HttpRequest) -> dict[str, object]:
    """The context processor."""
    return {"site": Site(request)}
