"""Which paths of the commit are not in the working tree by intention: their content was left at a remote.

Rules in `.sovr/sparse`: a path, and whether what is there or below is left out. The rule of the nearest folder above
decides, so what is new in a folder that was left out is left out too. Unlike the index this is no cache: without it
files that were never fetched would count as deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sovrgit.errors import IntegrityFailure
from sovrgit.pod.paths import folders_above, is_within
from sovrgit.store.files import reporting, write_atomic

SPARSE_FILE = "sparse"

_MAGIC = b"sovr sparse 1\n"
_OUT, _HERE = b"-", b"+"


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rules by path: True leaves out what is there or below, False does not. Without a rule everything is here."""

    rules: Mapping[bytes, bool] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, folder: Path) -> Sparse | None:
        """The rules of the repository in a folder; None if its pod is a whole one.

        Raises:
            IntegrityFailure: if the file is damaged.
            StorageFailure, ReadOnly: if it cannot be read.
        """
        path = folder / SPARSE_FILE
        with reporting(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        lines = data[len(_MAGIC) :].split(b"\0")
        if not data.startswith(_MAGIC) or lines.pop() or any(line[:1] not in (_OUT, _HERE) for line in lines):
            raise IntegrityFailure(
                what="the file `.sovr/sparse`",
                reason="it does not say what was left out",
                hint="remove it: what is not here then counts as deleted until `sovr restore` brings it back",
            )
        return cls({line[1:]: line[:1] == _OUT for line in lines})

    def write(self, folder: Path) -> None:
        """Keep the rules for the repository in a folder.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        lines = [(_OUT if out else _HERE) + path + b"\0" for path, out in sorted(self.rules.items())]
        write_atomic(folder / SPARSE_FILE, _MAGIC + b"".join(lines))

    @classmethod
    def only(cls, paths: Iterable[bytes]) -> Sparse:
        """Nothing but some paths."""
        return cls({b"": True}).with_paths(paths, out=False)

    def leaves_out(self, path: bytes) -> bool:
        """Whether what is at a path is left out, as far as no rule below it says otherwise."""
        rules = self.rules
        if path in rules:
            return rules[path]
        for folder in reversed([b"", *folders_above(path)]):
            if folder in rules:
                return rules[folder]
        return False

    def with_paths(self, paths: Iterable[bytes], *, out: bool) -> Sparse:
        """The rules when some paths, with all that is below them, are left out, or are not."""
        rules = dict(self.rules)
        for path in paths:
            rules = {known: rule for known, rule in rules.items() if not is_within(known, path)}
            if Sparse(rules).leaves_out(path) != out:
                rules[path] = out
        return Sparse(rules)

    def folders(self) -> frozenset[bytes]:
        """The folders below which a rule stands."""
        return frozenset(above for path in self.rules if path for above in (b"", *folders_above(path)))
