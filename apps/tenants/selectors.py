"""Which tenants does a user see, and which role does the user have in them?"""

from typing import TypeAlias

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from apps.tenants.models import Membership, Role, Tenant, User

Visitor: TypeAlias = AbstractBaseUser | AnonymousUser


def tenants_of(user: Visitor) -> QuerySet[Tenant]:
    """The tenants in which ``user`` has a role, ordered by name. A superuser sees all, an inactive user none."""
    if not isinstance(user, User) or not user.is_active:
        return Tenant.objects.none()
    return Tenant.objects.all() if user.is_superuser else Tenant.objects.filter(memberships__user=user)


def roles_of(user: Visitor) -> dict[int, Role]:
    """The user's role by tenant id. A superuser is admin of every tenant."""
    if not isinstance(user, User) or not user.is_active:
        return {}
    if user.is_superuser:
        return dict.fromkeys(Tenant.objects.values_list("pk", flat=True), Role.ADMIN)
    return {pk: Role(role) for pk, role in Membership.objects.filter(user=user).values_list("tenant", "role")}


def role_in(user: Visitor, tenant: Tenant | int) -> Role | None:
    """The user's role in ``tenant`` (an instance or its id); ``None`` without a role."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    role = Membership.objects.filter(user=user, tenant=tenant).values_list("role", flat=True).first()
    return Role(role) if role else None


def tenant_named(slug: str) -> Tenant:
    """The tenant with this slug. The message of :class:`Tenant.DoesNotExist` lists the existing ones."""
    try:
        return Tenant.objects.get(slug=slug)
    except Tenant.DoesNotExist as error:
        slugs = ", ".join(Tenant.objects.values_list("slug", flat=True))
        known = (
            f"Existing tenants: {slugs}." if slugs else "There are no tenants yet: run `tenant add SLUG --name NAME`."
        )
        raise Tenant.DoesNotExist(f"There is no tenant {slug!r}. {known}") from error
