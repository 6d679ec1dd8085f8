"""How are tenants, users and memberships created and removed? All writes to them are here."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from apps.tenants.models import Membership, Role, Tenant, User


@transaction.atomic
def create_tenant(*, slug: str, name: str, admin: User | None = None) -> Tenant:
    """Create a tenant with ``admin`` as its first admin; :class:`ValidationError` for an invalid or used slug."""
    tenant = Tenant(slug=slug, name=name)
    tenant.full_clean()
    tenant.save()
    if admin:
        add_membership(tenant=tenant, user=admin, role=Role.ADMIN)
    return tenant


@transaction.atomic
def create_user(*, username: str, password: str, is_superuser: bool = False) -> User:
    """Create a user; :class:`ValidationError` for a used name or a weak password.

    Every user may open the admin site, because memberships say what the user sees there.
    """
    user = User(username=username, is_staff=True, is_superuser=is_superuser)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


def locked_tenant(tenant_id: int) -> Tenant:
    """The tenant, locked until the transaction ends. Rows that refer to the tenant can still be written."""
    return Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)


def add_membership(*, tenant: Tenant, user: User, role: Role) -> Membership:
    """Give ``user`` this role in ``tenant``. It replaces the role that the user had there."""
    membership, _ = Membership.objects.update_or_create(tenant=tenant, user=user, defaults={"role": role})
    return membership


def remove_membership(*, tenant: Tenant, user: User) -> bool:
    """Remove the user's role in ``tenant``; false if there was none."""
    removed, _ = Membership.objects.filter(tenant=tenant, user=user).delete()
    return removed > 0
