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
from sovrgit.store.files import reporting, write_atomic

_HEADER = "sovr refs 1"
HEADS = "refs/heads/"
REMOTES = "refs/remotes/"
RUNS = "refs/runs/"
VERDICTS = "refs/verdicts/"
TAGS = "refs/tags/"
DEFAULT_BRANCH = "refs/heads/main"

# The rules of git-check-ref-format(1), so that refs can be exchanged with Git.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|(^|/)\.|\.lock(/|$)")


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

    def under(self, prefix: str) -> dict[str, ObjectId]:
        """The refs whose name begins with `prefix`, without it."""
        return {name[len(prefix) :]: value for name, value in self.values.items() if name.startswith(prefix)}

    def encode(self) -> bytes:
        """The file's text."""
        lines = [_HEADER, f"HEAD {self.head}"]
        lines += [f"{value} {name}" for name, value in sorted(self.values.items())]
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def decode(cls, data: bytes) -> Refs:
        """The refs that the file's text says.

        Raises:
            IntegrityFailure: if the file is damaged.
        """
        try:
            header, head, *lines = data.decode().splitlines()
            if header != _HEADER or not head.startswith("HEAD ") or not data.endswith(b"\n"):
                raise ValueError
            values = {}
            for line in lines:
                digest, name = line.split(" ", 1)
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

    def update(self, changes: Iterable[RefChange], *, command: str, time_ns: int, head: str | None = None) -> Refs:
        """Move refs, all or none; each must still be where its `old` says.

        Args:
            command: what the journal says did this.
            time_ns: when, in nanoseconds since 1970.
            head: the branch to be checked out from now on.

        Raises:
            RevisionNotFound: if a ref is not where it was expected; nothing has moved.
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
        updated = Refs(head or refs.head, values)
        if updated != refs:
            entry = {"time": time_ns, "command": command, "head": updated.head, "changes": moved}
            self._write_journal(entry)
            write_atomic(self._path, updated.encode())
        return updated

    def journal(self) -> list[dict[str, object]]:
        """What moved the refs, oldest first. A last line that a crash cut off is left out."""
        try:
            lines = self._journal.read_text("utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("}\n")]

    def _write_journal(self, entry: Mapping[str, object]) -> None:
        # Before the refs move: objects that only the journal knows are kept, objects nobody knows are not.
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with reporting(self._journal):
            descriptor = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
