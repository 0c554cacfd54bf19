"""A limit of memory for all processes of an activity together: a control group, where this user may make one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from pathlib import Path
from subprocess import DEVNULL

_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_MEMBERS = "cgroup.procs"


class Group:
    """A control group of an activity."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, process: int) -> None:
        """Put a process into it, and with it all that it will start.

        Raises:
            OSError: if that is not allowed.
        """
        (self._folder / _MEMBERS).write_text(str(process))

    def close(self) -> None:
        """Remove it. Nothing runs in it any more."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


class Groups:
    """Makes control groups.

    Attributes:
        usable: whether any can be made.
    """

    def __init__(self, root: Path = _ROOT, membership: Path = _MEMBERSHIP) -> None:
        """Find out, by trying.

        Args:
            root: where control groups are mounted.
            membership: says in which ones this process is.
        """
        self._place: tuple[Path, str] | None = None
        for parent, name in _places(root, membership):
            self._place = (parent, name)
            try:
                self._try()
            except OSError:
                self._place = None
            else:
                break
        self.usable = self._place is not None

    def open(self, most: int) -> Group | None:
        """A new group that may use so many bytes of memory; None if there are none.

        Raises:
            OSError: if it cannot be made, although another one could before.
        """
        if self._place is None:
            return None
        parent, name = self._place
        folder = parent / f"sovr-devnet-{uuid.uuid4().hex}"
        folder.mkdir()
        try:
            with open(os.open(folder / name, os.O_WRONLY | os.O_CLOEXEC), "w") as file:
                file.write(str(most))
        except OSError:
            folder.rmdir()
            raise
        return Group(folder)

    def _try(self) -> None:
        group = self.open(1 << 30)
        assert group is not None
        # Whether a process of this user may be moved is known only when one has been.
        process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=DEVNULL)
        try:
            group.add(process.pid)
        finally:
            process.communicate()
            group.close()


def _places(root: Path, membership: Path) -> list[tuple[Path, str]]:
    """Where groups may be made, and the file in them that has the limit."""
    found = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        own = root / path.lstrip("/")
        if "memory" in controllers.split(","):
            found.append((root / "memory" / path.lstrip("/"), "memory.limit_in_bytes"))
        elif not controllers:
            # In the second version, a group with processes in it has no limits for those below: beside it, then.
            found.append((own if own == root else own.parent, "memory.max"))
    return found
