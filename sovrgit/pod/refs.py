"""Refs: names that move. One small text file, replaced as a whole, so that several can move at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import IntegrityFailure, RevisionNotFound, UnsafeName
from sovrgit.objects.ids import ObjectId
from sovrgit.store.files import reporting, storage_error, write_all, write_atomic

_HEADER = "sovr refs 1"
_FOOTER = "end"
"""The last line: without it, a file that was cut off between two lines would look whole."""

HEADS = "refs/heads/"
REMOTES = "refs/remotes/"
RUNS = "refs/runs/"
VERDICTS = "refs/verdicts/"
TAGS = "refs/tags/"
DEFAULT_BRANCH = "refs/heads/main"
DETACHED = "refs/detached"
"""Checked out in the place of a branch when a commit itself is; it moves with commits, and goes when a branch comes."""

# The rules of git-check-ref-format(1), so that refs can be exchanged with Git; and nothing that is not Unicode.
_FORBIDDEN = re.compile(r"[\ud800-\udfff\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|(^|/)\.|\.lock(/|$)")


class RefChange(NamedTuple):
    """A ref that moves from `old` to `new`; None stands for not being there."""

    name: str
    old: ObjectId | None
    new: ObjectId | None


@dataclass(frozen=True, slots=True)
class Refs:
    """The refs at one moment. `head` is the name of the branch that is checked out."""

    head: str
    values: Mapping[str, ObjectId]

    def current(self) -> ObjectId | None:
        """The commit that is checked out, None before the first one."""
        return self.values.get(self.head)

    def full_name(self, name: str) -> str | None:
        """The ref that a name stands for: its own, or one below `refs/`, tags, branches or remotes, in this order."""
        for candidate in (name, f"refs/{name}", TAGS + name, HEADS + name, REMOTES + name, f"{REMOTES}{name}/main"):
            if candidate in self.values:
                return candidate
        return None

    def under(self, prefix: str) -> dict[str, ObjectId]:
        """The refs whose name begins with `prefix`, without it."""
        return {name[len(prefix) :]: value for name, value in self.values.items() if name.startswith(prefix)}

    def encode(self) -> bytes:
        """The file's text."""
        lines = [_HEADER, f"HEAD {self.head}"]
        lines += [f"{value} {name}" for name, value in sorted(self.values.items())]
        return ("\n".join([*lines, _FOOTER]) + "\n").encode()

    @classmethod
    def decode(cls, data: bytes) -> Refs:
        """The refs that the file's text says.

        Raises:
            IntegrityFailure: if the file is damaged.
        """
        try:
            # Not splitlines(), which also splits at characters that may stand in a name.
            header, head, *lines, footer, end = data.decode().split("\n")
            if header != _HEADER or not head.startswith("HEAD ") or footer != _FOOTER or end:
                raise ValueError
            values: dict[str, ObjectId] = {}
            for line in lines:
                digest, name = line.split(" ", 1)
                if name in values:
                    raise ValueError
                values[check_ref(name)] = ObjectId.parse(digest)
            return cls(check_ref(head[5:]), values)
        except (ValueError, UnsafeName):
            raise IntegrityFailure(what="the file of refs", reason="it is cut off or was edited") from None


def check_ref(name: str) -> str:
    """The name itself, if it is one that a ref may have.

    Raises:
        UnsafeName: if not.
    """
    if not name.startswith("refs/") or _FORBIDDEN.search(name) or len(name) > 1024:
        raise UnsafeName(name=name[:80], reason="not a name that a ref may have")
    return name


def branch_name(ref: str) -> str:
    """What people call the thing that is checked out: the branch, or `HEAD` if it is none."""
    return "HEAD" if ref == DETACHED else ref.removeprefix(HEADS)


class Rewritten(NamedTuple):
    """What a command did to the files of the working tree: from one tree to another, as far as it touched them."""

    before: ObjectId
    after: ObjectId


class RefStore:
    """The refs of a pod, on disk. Callers hold the pod's lock while they change them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "refs"
        self._journal = folder / "journal"

    def read(self) -> Refs:
        """The refs as they are now.

        Raises:
            IntegrityFailure: if the file is damaged.
        """
        with reporting(self._path):
            return Refs.decode(self._path.read_bytes())

    def create(self) -> None:
        """Write the refs of a new pod."""
        write_atomic(self._path, Refs(DEFAULT_BRANCH, {}).encode())

    def update(
        self,
        changes: Iterable[RefChange],
        *,
        command: str,
        time_ns: int,
        head: str | None = None,
        rewritten: Rewritten | None = None,
    ) -> Refs:
        """Move refs, all or none; each must still be where its `old` says.

        Args:
            command: what the journal says did this.
            time_ns: when, in nanoseconds since 1970.
            head: the branch to be checked out from now on.
            rewritten: what was done to the working tree, for `sovr undo`.

        Raises:
            RevisionNotFound: if a ref is not where it was expected; nothing has moved.
            UnsafeName: if a name is not one that a ref may have; nothing has moved.
            StorageFull, ReadOnly, StorageFailure: if they cannot be written.
        """
        refs = self.read()
        values = dict(refs.values)
        moved = []
        for name, old, new in changes:
            if values.get(check_ref(name)) != old:
                raise RevisionNotFound(
                    revision=name, hint="it has just been moved by another process; repeat the command"
                )
            if new is None:
                values.pop(name, None)
            else:
                values[name] = new
            if old != new:
                moved.append([name, str(old or ""), str(new or "")])
        updated = Refs(check_ref(head or refs.head), values)
        if updated != refs or rewritten is not None:
            entry: dict[str, object] = {"time": time_ns, "command": command, "head": updated.head, "changes": moved}
            if updated.head != refs.head:
                entry["from"] = refs.head
            if rewritten is not None:
                entry["worktree"] = [str(rewritten.before), str(rewritten.after)]
            self._write_journal(entry)
        if updated != refs:
            write_atomic(self._path, updated.encode())
        return updated

    def journal(self) -> list[dict[str, object]]:
        """What moved the refs, oldest first. A line that a crash or a full disk cut off is left out."""
        try:
            lines = self._journal.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error(error, self._journal) from error
        return [entry for line in lines if (entry := _entry(line)) is not None]

    def _write_journal(self, entry: Mapping[str, object]) -> None:
        # Before the refs move: objects that only the journal knows are kept, objects nobody knows are not.
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with reporting(self._journal):
            descriptor = os.open(self._journal, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                write_all(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _entry(line: bytes) -> dict[str, object] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
