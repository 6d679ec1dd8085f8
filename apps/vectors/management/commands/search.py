"""How is the search used from a terminal? ``manage.py search "login fails after an upgrade"``."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_named
from apps.vectors.search import Hit, SearchError, search


class Command(BaseCommand):
    help = "Search a tenant's issues, pull requests, reviews and comments by meaning."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", help="what to look for, in any words")
        parser.add_argument("--tenant", metavar="SLUG", help="needed when there are several")
        parser.add_argument("--limit", type=int, default=10)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            hits = search(chosen_tenant(options["tenant"]), options["text"], limit=options["limit"])
        except (SearchError, Tenant.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"hits": [hit.as_json() for hit in hits]}))
        else:
            self.stdout.write("\n".join(map(line, hits)) or "Nothing found.")


def chosen_tenant(slug: str | None) -> Tenant:
    """The named tenant, or the only one."""
    tenants = list(Tenant.objects.all()[:2])
    if not slug and len(tenants) == 2:
        raise CommandError("There are several tenants: say which one with --tenant SLUG.")
    return tenants[0] if tenants and not slug else tenant_named(slug or "")


def line(hit: Hit) -> str:
    """A hit for the terminal."""
    return f"{hit.score:.2f}  {hit.kind}  {hit.key}  {hit.title}"
