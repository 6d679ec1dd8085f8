"""What does every page know? The user, the tenant, the preferences and the navigation."""

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
class NavigationLink:
    """One entry of the navigation."""

    title: str
    icon: str
    url: str
    is_current: bool = False
    is_external: bool = False


@dataclass(frozen=True)
class Shortcut:
    """Keys to press one after the other. They open a page, or click the element with a selector."""

    keys: str
    does: str
    page: str = ""
    click: str = ""


SHORTCUTS = [
    Shortcut("g h", "Go to Home", page="home"),
    Shortcut("g j", "Go to Jobs", page="jobs"),
    Shortcut("g r", "Go to Runs", page="runs"),
    Shortcut("g s", "Go to Search", page="search"),
    Shortcut("g q", "Go to Records set aside", page="quarantine"),
    Shortcut("g p", "Go to Preferences", page="preferences"),
    Shortcut("/", "Focus the search or filter field", click="main input[type=search]"),
    Shortcut("?", "Show keyboard shortcuts", click="#shortcuts-open"),
]


class PageContext:
    """The variable ``site`` of the templates. It queries the database only for what a page shows."""

    themes = Theme.values
    refreshes = Refresh.choices

    def __init__(self, request: HttpRequest) -> None:
        self._request = cast(TenantRequest, request)

    @property
    def theme(self) -> str:
        """The theme that the user has chosen. Before the log-in it is the system's theme."""
        return getattr(self._request.user, "theme", Theme.SYSTEM.value)

    @property
    def refresh(self) -> int:
        """After how many seconds the user's pages are updated; 0 is live."""
        return getattr(self._request.user, "refresh", Refresh.LIVE.value)

    @property
    def platform_time_zone(self) -> str:
        """The time zone of users who have chosen none."""
        return settings.TIME_ZONE

    @property
    def shortcuts(self) -> list[Shortcut]:
        """The keyboard shortcuts; none if the user has turned them off."""
        return SHORTCUTS if getattr(self._request.user, "shortcuts", False) else []

    @cached_property
    def tenants(self) -> list[Tenant]:
        """The tenants that the user can switch to."""
        return list(tenants_of(self._request.user))

    @property
    def tenant(self) -> Tenant:
        """The tenant of the page; false if the user has none."""
        return self._request.tenant

    @property
    def role(self) -> Role | None:
        """The user's role in the tenant."""
        return self._request.role or None

    @property
    def pages(self) -> list[NavigationLink]:
        """The pages of the product."""
        return [
            self._page("Home", "home", "home"),
            self._page("Jobs", "jobs", "jobs", "job"),
            self._page("Runs", "runs", "runs", "run"),
            self._page("Search", "search", "search"),
            self._page("Records set aside", "aside", "quarantine", "quarantine-group", "quarantine-record"),
        ]

    @property
    def flower(self) -> str:
        """The address of Flower for admins; empty for others, and if Flower does not run."""
        return settings.FLOWER_URL if self.role == Role.ADMIN else ""

    @property
    def tools(self) -> list[NavigationLink]:
        """The pages for setup."""
        if not self._request.user.is_staff:
            return []
        pages = [
            NavigationLink("Integrations", "plug", reverse("admin:integrations_integration_changelist")),
            NavigationLink("Mappings", "mapping", reverse("admin:app_list", args=["mappings"])),
            NavigationLink("Administration", "admin", reverse("admin:index")),
        ]
        if self.flower:
            pages.append(NavigationLink("Flower", "flower", self.flower, is_external=True))
        return pages

    def _page(self, title: str, icon: str, *names: str) -> NavigationLink:
        match = self._request.resolver_match
        return NavigationLink(title, icon, reverse(names[0]), is_current=bool(match and match.view_name in names))


def site(request: HttpRequest) -> dict[str, object]:
    """The context processor."""
    return {"site": PageContext(request)}
