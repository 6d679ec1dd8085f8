#!/usr/bin/env python
"""Where do all commands begin?"""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

# These work before there is a database or any setting.
BARE_COMMANDS = {"stack", "sandbox", "demo"}


def main() -> None:
    """Run the command that the user named; a bad environment ends it with one sentence."""
    bare = len(sys.argv) > 1 and sys.argv[1] in BARE_COMMANDS
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etlproject.settings.tools" if bare else "etlproject.settings.prod")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
