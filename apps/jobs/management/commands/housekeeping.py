"""Which old rows can be removed? Look first, then remove."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.jobs.scheduler import housekeeping


class Command(BaseCommand):
    help = "Remove rows that are older than their limit (KEEP_… in .env.example). The scheduler does it by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only print what would be removed.")
        parser.add_argument("--json", action="store_true", help="Print only one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        is_dry = options["dry_run"]
        rows = housekeeping.expired() if is_dry else housekeeping.Housekeeper().tidy()
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": is_dry, "rows": rows}))
            return
        if not rows:
            self.stdout.write("Another process is doing the housekeeping right now.")
        for title, number in rows.items():
            self.stdout.write(f"{number:>12,}  {title}")
