"""How are small private files written? Only their owner can read them, and a crash never leaves half of one."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by a file with ``text`` in one step, readable by its owner only (0600)."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates with 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def private_folder(path: Path) -> Path:
    """Make ``path`` a folder that only its owner can open (0700)."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in ``path``; the first call makes and stores it."""
    if not path.is_file():
        write_private(path, make())
    return path.read_text(encoding="utf-8")


def tail(path: Path, lines: int = 15) -> str:
    """The last ``lines`` of a log, within its last 16 KiB; empty when there is no log."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])
