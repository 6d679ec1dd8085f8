"""As which user do servers run that refuse to be root, and which folders can that user reach?"""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any


def unprivileged() -> pwd.struct_passwd | None:
    """The user for such servers when we are root: ``postgres`` if it exists, otherwise ``nobody``. Else None."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def run_as(user: pwd.struct_passwd | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end as ``user`` and capture its output as text; may raise ``PermissionError``."""
    account: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603 - our own programs
        command, cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=120, **account
    )


def can_run(user: pwd.struct_passwd | None, command: list[str]) -> bool:
    """Whether ``user`` may start ``command`` and it succeeds."""
    try:
        return run_as(user, command).returncode == 0
    except PermissionError:
        return False


def folder_for(user: pwd.struct_passwd | None, folder: Path) -> Path:
    """Make ``folder`` for ``user`` and return its real path.

    Other users cannot enter a folder below a 0700 home (root's), and we may not open the home. Then the real folder is
    made in ``/var/lib``, and ``folder`` links to it.
    """
    if user is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o711)
    if not folder.exists() and not can_run(user, ["test", "-x", str(folder.parent)]):
        folder.unlink(missing_ok=True)  # a link whose target is gone
        folder.symlink_to(tempfile.mkdtemp(prefix=f"etl-{folder.name}-", dir="/var/lib"))
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return folder.resolve()
