"""How does an operator retire an encryption key?

Put a new key first in ENCRYPTION_KEY, run this command, then take the old key out.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.crypto import UndecryptableSecretError
from apps.integrations.services import rotate_credentials


class Command(BaseCommand):
    help = "Encrypt all stored credentials with the newest key, which is the first one in ENCRYPTION_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rotate_credentials()
        except UndecryptableSecretError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} stored credentials now use the newest key.")
