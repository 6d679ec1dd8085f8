"""How does an operator give a user a role in a tenant without a browser?"""

from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.tenants.models import Role, Tenant, User
from apps.tenants.selectors import tenant_named
from apps.tenants.services import add_membership, create_user, remove_membership


class Command(BaseCommand):
    help = "Add a user to a tenant with a role, or remove the user from the tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="Give a user a role in a tenant. The user is created if necessary.")
        add.add_argument("--role", choices=Role.values, default=Role.VIEWER)
        add.add_argument("--password-env", metavar="VAR", help="Environment variable with the new user's password.")
        add.add_argument("--superuser", action="store_true", help="Make the new user an admin of every tenant.")
        remove = commands.add_parser("remove", help="Remove a user from a tenant.")
        for command in (add, remove):
            command.add_argument("username")
            command.add_argument("--tenant", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = tenant_named(options["tenant"])
            self.stdout.write(
                self.add(tenant, options) if options["command"] == "add" else self.remove(tenant, options)
            )
        except Tenant.DoesNotExist as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    @transaction.atomic
    def add(self, tenant: Tenant, options: dict[str, Any]) -> str:
        username = options["username"]
        user = User.objects.filter(username=username).first()
        if user is None:
            user = create_user(
                username=username,
                password=password_from(options["password_env"]),
                is_superuser=options["superuser"],
            )
        elif options["superuser"] or options["password_env"]:
            raise CommandError(f"The user {username} already exists: change the password or rights in the admin site.")
        add_membership(tenant=tenant, user=user, role=Role(options["role"]))
        return f"{username} is now {options['role']} of {tenant.slug}."

    def remove(self, tenant: Tenant, options: dict[str, Any]) -> str:
        username = options["username"]
        user = User.objects.filter(username=username).first()
        if user is None or not remove_membership(tenant=tenant, user=user):
            raise CommandError(f"{username} has no role in {tenant.slug}.")
        return f"{username} is no longer a member of {tenant.slug}."


def password_from(variable: str | None) -> str:
    """The new user's password, from the environment variable or typed in."""
    if variable is None:
        return getpass("Password of the new user: ")
    password = settings.ENVIRONMENT.text(variable, "")
    if not password:
        raise CommandError(f"{variable} is not set. Set this environment variable to the new user's password.")
    return password
