"""Who asks, for which tenant does the request work, and in which role?"""

from functools import partial
from typing import cast

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.tenants.models import Role, Tenant, User
from apps.tenants.selectors import Visitor, roles_of, tenants_of

SESSION_KEY = "tenant"
NO_TENANT = "You have no role in any tenant. Ask an admin for one."


class TenantRequest(HttpRequest):
    """A request of a logged-in user, as views behind ``login_required`` see it.

    A user without a role has no tenant. Test it with ``if request.tenant``: the object is lazy and never ``is None``.
    """

    user: User
    tenant: Tenant
    role: Role
    roles: dict[int, Role]


def actor(request: HttpRequest) -> str:
    """The name of the user who asks, for a history."""
    return cast(User, request.user).get_username()


def attach_tenant(request: HttpRequest) -> None:
    """Set ``request.tenant`` and ``request.role``. The database is queried when one of them is used."""
    known = cast(TenantRequest, request)
    known.tenant = cast(Tenant, SimpleLazyObject(partial(_chosen_tenant, request)))
    known.role = cast(Role, SimpleLazyObject(lambda: roles_in(request).get(known.tenant.pk) if known.tenant else None))


def enter_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Use ``tenant`` for this request, whatever the session says."""
    cast(TenantRequest, request).tenant = tenant


def remember_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Use ``tenant`` for this request and all later requests of the session."""
    request.session[SESSION_KEY] = tenant.pk
    enter_tenant(request, tenant)


def roles_in(request: HttpRequest) -> dict[int, Role]:
    """The roles of the request's user by tenant id. The database is queried once per request."""
    known = cast(TenantRequest, request)
    if not hasattr(known, "roles"):
        known.roles = roles_of(request.user)
    return known.roles


def chosen_tenant(user: Visitor, session: SessionBase) -> Tenant | None:
    """The tenant chosen in the session if it is one of the user's tenants, else the first one."""
    tenants = tenants_of(user)
    chosen = session.get(SESSION_KEY)
    return (tenants.filter(pk=chosen).first() if chosen else None) or tenants.first()


def _chosen_tenant(request: HttpRequest) -> Tenant | None:
    return chosen_tenant(request.user, request.session)
