"""Trees, in Git's bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from sovrgit.errors import GitDamaged, UnsafeName
from sovrgit.gitexchange.ids import GIT_ID_SIZE, GitId
from sovrgit.objects.tree import EntryKind, check_name

Row: TypeAlias = tuple[bytes, bytes, GitId]
"""An entry as Git writes it: mode, name, id."""

DIRECTORY = b"40000"
GITLINK = b"160000"
MODES = {
    EntryKind.FILE: b"100644",
    EntryKind.EXECUTABLE: b"100755",
    EntryKind.SYMLINK: b"120000",
    EntryKind.DIRECTORY: DIRECTORY,
}
"""The mode that is written for each kind of entry."""

_KINDS = {mode: kind for kind, mode in MODES.items()}
MODE = re.compile(rb"[0-7]{1,8}")
"""How a mode is written."""

_ROW = re.compile(rb"(%s) ([^\0]+)\0(.{20})" % MODE.pattern, re.DOTALL)


class GitEntry(NamedTuple):
    """An entry of a Git tree. `kind` is None for a submodule."""

    name: bytes
    kind: EntryKind | None
    id: GitId
    mode: bytes

    @property
    def is_odd(self) -> bool:
        """Whether the mode is not the one that is written for this kind."""
        return self.kind is None or MODES[self.kind] != self.mode


def split_tree(identity: GitId, raw: bytes) -> list[Row]:
    """The entries of a tree as they are.

    Raises:
        GitDamaged: if the bytes are no tree.
    """
    rows: list[Row] = _ROW.findall(raw)
    if sum(len(mode) + len(name) for mode, name, _ in rows) + (GIT_ID_SIZE + 2) * len(rows) != len(raw):
        raise GitDamaged(what=f"the tree {identity.hex()}", reason="it is not a list of entries")
    return rows


def read_tree(identity: GitId, raw: bytes) -> list[GitEntry]:
    """The entries of a tree, checked: kinds that exist, safe names, each once, in Git's order.

    Raises:
        GitDamaged: if the bytes are no tree that could be written again.
        UnsafeName: if a name could lead out of a folder, or into a pod's repository.
    """
    entries = []
    previous = b""
    names = set()
    for mode, name, target in split_tree(identity, raw):
        kind = _KINDS.get(mode) or kind_of(mode)
        if kind is None and mode.lstrip(b"0") != GITLINK:
            raise GitDamaged(what=f"the tree {identity.hex()}", reason=f"an entry has the mode {mode.decode()}")
        try:
            check_name(name)
        except UnsafeName as error:
            error.advise("the Git repository was made by a broken or hostile program, or has a pod's `.sovr` in it")
            raise
        key = name + b"/" if kind is EntryKind.DIRECTORY else name
        if key <= previous or name in names:
            raise GitDamaged(what=f"the tree {identity.hex()}", reason="its entries are repeated or out of order")
        previous = key
        names.add(name)
        entries.append(GitEntry(name, kind, target, mode))
    return entries


def write_tree(rows: Iterable[Row]) -> bytes:
    """The bytes of a tree, with its entries put into Git's order: folders as if their name ended with a slash."""
    ordered = sorted(rows, key=lambda row: row[1] + b"/" if kind_of(row[0]) is EntryKind.DIRECTORY else row[1])
    return b"".join([b"%s %s\0%s" % row for row in ordered])


def kind_of(mode: bytes) -> EntryKind | None:
    """What Git makes of a mode at a checkout: of the permissions of a file only the owner's right to execute counts.
    None for a submodule, and for what is no mode.
    """
    try:
        bits = int(mode, 8)
    except ValueError:
        return None
    match bits >> 12:
        case 0o10:
            return EntryKind.EXECUTABLE if bits & 0o100 else EntryKind.FILE
        case 0o12:
            return EntryKind.SYMLINK
        case 0o04:
            return EntryKind.DIRECTORY
        case _:
            return None
