"""How do tenants, users and memberships come and go? All writes to them pass here."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from apps.tenants.models import Membership, Role, Tenant, User


@transaction.atomic
def create_tenant(*, slug: str, name: str, admin: User | None = None) -> Tenant:
    """A new tenant, with ``admin`` as its first admin; :class:`ValidationError` for a bad or taken slug."""
    tenant = Tenant(slug=slug, name=name)
    tenant.full_clean()
    tenant.save()
    if admin:
        add_membership(tenant=tenant, user=admin, role=Role.ADMIN)
    return tenant


@transaction.atomic
def create_user(*, username: str, password: str, is_superuser: bool = False) -> User:
    """A new user who can open the admin site; :class:`ValidationError` for a taken name or a weak password.

    What the user sees there is said by memberships, so every user may come in.
    """
    user = User(username=username, is_staff=True, is_superuser=is_superuser)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


def locked_tenant(tenant_id: int) -> Tenant:
    """The tenant, locked for the rest of the transaction; its rows can be written meanwhile."""
    return Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)


def add_membership(*, tenant: Tenant, user: User, role: Role) -> Membership:
    """Give ``user`` this role in ``tenant``, in place of any other role there."""
    membership, _ = Membership.objects.update_or_create(tenant=tenant, user=user, defaults={"role": role})
    return membership


def remove_membership(*, tenant: Tenant, user: User) -> bool:
    """Take the user's role in ``tenant`` away; false when there was none."""
    removed, _ = Membership.objects.filter(tenant=tenant, user=user).delete()
    return removed > 0
