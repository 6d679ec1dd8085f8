"""Which programs do the tests want that pip cannot bring? Installed where that is possible, else named.

``python -m tests.system_packages``: Chromium for the browser tests, RabbitMQ for the tests of the other broker.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Debian package → the program that shows that it is there, and what is skipped without it.
PACKAGES = {
    "chromium": ("chromium", "the browser tests"),
    "rabbitmq-server": ("rabbitmq-server", "the tests with RabbitMQ"),
    "faketime": ("faketime", "the clocks of the chaos suite"),
}


def missing() -> list[str]:
    """The packages whose program is not there."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/rabbitmq/bin"
    return [package for package, (program, _) in PACKAGES.items() if not shutil.which(program, path=path)]


def can_install() -> bool:
    """Whether we are root on a Debian."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def install(packages: list[str]) -> bool:
    """Install with apt-get; no service is started by it."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    commands = (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages])
    return all(subprocess.run(["apt-get", *command], env=quiet, check=False).returncode == 0 for command in commands)


def main() -> None:
    """Install what is missing, or say in one line what will be skipped."""
    wanted = missing()
    if not wanted or (can_install() and install(wanted) and not missing()):
        return
    skipped = " and ".join(PACKAGES[package][1] for package in missing())
    sys.stderr.write(f"Not installed: {', '.join(missing())}. Without them {skipped} are skipped.\n")


if __name__ == "__main__":
    main()
