"""Which programs do the tests need that pip cannot install? ``python -m tests.system_packages`` installs them.

Where it cannot, it says which tests are skipped: Chromium is for the browser tests, RabbitMQ for the other broker.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Debian package → a program of it, and the tests that are skipped without it.
PACKAGES = {
    "chromium": ("chromium", "the browser tests"),
    "rabbitmq-server": ("rabbitmq-server", "the tests with RabbitMQ"),
    "faketime": ("faketime", "the clocks of the chaos suite"),
}


def missing() -> list[str]:
    """The packages that are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/rabbitmq/bin"
    return [package for package, (program, _) in PACKAGES.items() if not shutil.which(program, path=path)]


def can_install() -> bool:
    """Whether we are root on Debian."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def install(packages: list[str]) -> bool:
    """Install the packages with apt-get and start none of their services; return whether it worked."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    commands = (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages])
    return all(subprocess.run(["apt-get", *command], env=quiet, check=False).returncode == 0 for command in commands)


def main() -> None:
    """Install the missing packages, or say which tests are skipped."""
    wanted = missing()
    if not wanted or (can_install() and install(wanted) and not missing()):
        return
    skipped = " and ".join(PACKAGES[package][1] for package in missing())
    sys.stderr.write(f"Not installed: {', '.join(missing())}. Without them {skipped} are skipped.\n")


if __name__ == "__main__":
    main()
