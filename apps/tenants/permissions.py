"""May this user do that in this tenant?"""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.tenants.models import Role, Tenant
from apps.tenants.selectors import Visitor, role_in

RANKS = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


def allows(role: Role | None, needed: Role) -> bool:
    """Whether ``role`` may do what ``needed`` may; no role may do nothing."""
    return role is not None and RANKS[role] >= RANKS[needed]


def require(user: Visitor, tenant: Tenant | int, needed: Role) -> None:
    """Go on with this role only: :class:`PermissionDenied` for members, ``Http404`` for others."""
    role = role_in(user, tenant)
    if role is None:
        raise Http404("There is no such thing in your tenants.")
    if not allows(role, needed):
        raise PermissionDenied(refusal(role, needed))


def refusal(role: Role | None, needed: Role) -> str:
    """The sentence for a member whose role is not enough."""
    held = f"your role here is {role.label}" if role else "you have none here"
    return f"This needs the role {needed.label}; {held}. Ask an admin of the tenant."
