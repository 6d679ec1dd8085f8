"""How does a new machine get the packages that the product needs?

``python3 requirements/install.py embedded`` makes a virtual environment in ``.venv`` with the pinned packages of
``requirements/embedded.txt``. It does nothing when they are already installed.

It uses only the standard library, because it runs before anything is installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
MIN_PYTHON, MAX_PYTHON = (3, 11), (3, 13)


def suitable_python() -> str:
    """This interpreter, or another one on PATH, if the pinned packages support its version."""
    if MIN_PYTHON <= sys.version_info[:2] <= MAX_PYTHON:
        return sys.executable
    for minor in range(MAX_PYTHON[1], MIN_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    sys.exit(
        f"Python 3.{MIN_PYTHON[1]} to 3.{MAX_PYTHON[1]} is needed, but this is {sys.version.split()[0]}. "
        "Install one of them and try again."
    )


def make_environment(python: str) -> None:
    """Create ``.venv``. Debian has the module venv in a separate package."""
    command = [python, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-qy", "python3-venv"], check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        sys.exit(
            "The virtual environment could not be made. On Debian or Ubuntu run `sudo apt install python3-venv` and "
            f"try again.\n{(made.stdout + made.stderr).strip()}"
        )


def main(name: str) -> None:
    """Install the packages of ``requirements/<name>.txt`` in ``.venv``."""
    pins = ROOT / "requirements" / f"{name}.txt"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    stamp = VENV / f".installed-{name}"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("Installing the pinned packages into .venv (once; about a minute) …", flush=True)
    if not PYTHON.is_file():
        make_environment(suitable_python())
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    installed = subprocess.run([*pip, "-r", str(pins)], env=os.environ | {"PIP_ROOT_USER_ACTION": "ignore"})
    if installed.returncode:
        sys.exit("The packages could not be installed; the lines above say why. Run the command again to continue.")
    stamp.write_text(wanted)


if __name__ == "__main__":
    main(sys.argv[1])
