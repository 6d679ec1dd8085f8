"""For which tenant does this request work, and in which role?"""

from functools import partial
from typing import cast

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.tenants.models import Role, Tenant, User
from apps.tenants.selectors import Visitor, roles_of, tenants_of

SESSION_KEY = "tenant"


class TenantRequest(HttpRequest):
    """A request of a logged-in member, as views behind ``login_required`` see it.

    Someone without any tenant has none here either: test ``if request.tenant`` (lazy: never ``is None``).
    """

    user: User
    tenant: Tenant
    role: Role
    roles: dict[int, Role]


def attach_tenant(request: HttpRequest) -> None:
    """Set ``request.tenant`` and ``request.role``; the database is asked when one of them is used."""
    known = cast(TenantRequest, request)
    known.tenant = cast(Tenant, SimpleLazyObject(partial(_chosen_tenant, request)))
    known.role = cast(Role, SimpleLazyObject(lambda: roles_in(request).get(known.tenant.pk) if known.tenant else None))


def enter_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Let this request work for ``tenant``, whatever the session says."""
    cast(TenantRequest, request).tenant = tenant


def remember_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Let this and all later requests of the session work for ``tenant``."""
    request.session[SESSION_KEY] = tenant.pk
    enter_tenant(request, tenant)


def roles_in(request: HttpRequest) -> dict[int, Role]:
    """The roles of the request's user by tenant id; asked of the database once per request."""
    known = cast(TenantRequest, request)
    if not hasattr(known, "roles"):
        known.roles = roles_of(request.user)
    return known.roles


def chosen_tenant(user: Visitor, session: SessionBase) -> Tenant | None:
    """The session's choice while it is one of the user's tenants, else the first of them."""
    tenants = tenants_of(user)
    chosen = session.get(SESSION_KEY)
    return (tenants.filter(pk=chosen).first() if chosen else None) or tenants.first()


def _chosen_tenant(request: HttpRequest) -> Tenant | None:
    return chosen_tenant(request.user, request.session)
