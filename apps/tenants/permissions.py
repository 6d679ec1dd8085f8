"""What may a user do in a tenant?"""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.tenants.models import Role, Tenant
from apps.tenants.selectors import Visitor, role_in

RANKS = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


def may_act_as(role: Role | None, needed: Role) -> bool:
    """Whether ``role`` may do everything that ``needed`` may do. No role may do nothing."""
    return role is not None and RANKS[role] >= RANKS[needed]


def require(user: Visitor, tenant: Tenant | int, needed: Role) -> None:
    """Raise :class:`PermissionDenied` if the member's role is too low, ``Http404`` for people without a role."""
    role = role_in(user, tenant)
    if role is None:
        raise Http404("Not found in your tenants.")
    if not may_act_as(role, needed):
        raise PermissionDenied(refusal(role, needed))


def refusal(role: Role | None, needed: Role) -> str:
    """The sentence for a member whose role is too low."""
    held = f"Your role in this tenant is {role.label}" if role else "You have no role in this tenant"
    return f"This needs the {needed.label} role. {held}. Ask an admin of the tenant for access."
