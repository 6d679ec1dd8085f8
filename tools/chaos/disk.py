"""How does the disk of the raw store become full? It is a small tmpfs, or a trigger where mounting is not allowed."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg import sql

from apps.stack.services.accounts import unprivileged
from tools.chaos.snapshots import Snapshots

SIZE = "64m"
_REFUSE = """
CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER chaos_full BEFORE INSERT ON raw_extraction_data EXECUTE FUNCTION chaos_refuse();
"""


class Disk(ABC):
    """The disk of the raw store; ``what`` says how it is made."""

    what: str

    @abstractmethod
    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no space while the block runs."""
        yield


class Mounted(Disk):
    """A small file system that is filled to its last byte."""

    what = f"a tmpfs of {SIZE} under the raw store"

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    @contextmanager
    def full(self) -> Iterator[None]:
        """See :class:`Disk`."""
        try:
            with suppress(OSError), self._filler.open("wb", buffering=0) as file:
                while file.write(bytes(65536)):
                    pass
            yield
        finally:
            self._filler.unlink()


class Refused(Disk):
    """A trigger that refuses every row as PostgreSQL does on a full disk."""

    what = "a trigger that raises SQLSTATE 53100, because no tmpfs may be mounted"

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    @contextmanager
    def full(self) -> Iterator[None]:
        """See :class:`Disk`."""
        self._snapshots.execute(_REFUSE)
        try:
            yield
        finally:
            self._snapshots.execute("DROP FUNCTION chaos_refuse CASCADE")


@contextmanager
def small_disk(folder: Path, snapshots: Snapshots) -> Iterator[Disk]:
    """Put the raw store on its own disk while the block runs."""
    folder.mkdir(exist_ok=True)
    account = unprivileged()
    owner = f",uid={account.pw_uid},gid={account.pw_gid}" if account else ""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700{owner}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        yield Refused(snapshots)
        return
    try:
        snapshots.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(folder))))
        snapshots.execute("ALTER TABLE raw_extraction_data SET TABLESPACE small")
        yield Mounted(folder)
    finally:
        snapshots.execute("ALTER TABLE raw_extraction_data SET TABLESPACE pg_default")
        snapshots.execute("DROP TABLESPACE small")
        subprocess.run(["umount", str(folder)], check=True)
