"""How does an operator add and list tenants?"""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant


class Command(BaseCommand):
    help = "Add and list tenants."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="Add a tenant.")
        add.add_argument("slug", help="Short name in addresses and commands: letters, digits, - and _.")
        add.add_argument("--name", required=True, help="Display name.")
        commands.add_parser("list", help="List all tenants.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "list":
            for tenant in Tenant.objects.all():
                self.stdout.write(f"{tenant.slug}\t{tenant.name}")
            return
        try:
            tenant = create_tenant(slug=options["slug"], name=options["name"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Added the tenant {tenant.slug}.")
