"""How differences between two states are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sovrgit.errors import NotFetched
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.jsondiff import JsonChange, json_changes
from sovrgit.pod.textdiff import FileDiff, compare
from sovrgit.pod.treediff import Change
from sovrgit.ui.console import Console
from sovrgit.ui.diffview import (
    StatRow,
    git_header,
    render_binary,
    render_json_changes,
    render_stat,
    render_unified,
)
from sovrgit.ui.statusview import change_document, rename_document

if TYPE_CHECKING:
    from sovrgit.pod.renames import Rename

MAX_SHOWN = 32 << 20
"""Bytes of the largest file whose content is compared; larger ones get one line."""

_EQUAL = 100
"""Per cent by which a file is alike that has only got another name."""

_MODES = {EntryKind.FILE: "100644", EntryKind.EXECUTABLE: "100755", EntryKind.SYMLINK: "120000"}

Reader = Callable[[bytes, TreeEntry], bytes]


class _Pair(NamedTuple):
    """Two sides to be compared: of one path, or of a file that has another name now."""

    old_path: bytes
    new_path: bytes
    old: TreeEntry | None
    new: TreeEntry | None
    alike: int | None = None

    @property
    def is_folder(self) -> bool:
        """Whether this is about an empty folder."""
        entry = self.new or self.old
        return entry is not None and entry.is_directory

    @property
    def name(self) -> str:
        """The path, or both of them."""
        new = os.fsdecode(self.new_path)
        return new if self.alike is None else f"{os.fsdecode(self.old_path)} => {new}"


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Shows changes; `old` and `new` read the content of a side. JSON files are compared key by key where `by_key` says
    so, or on a terminal if it says nothing. `renames` are pairs of the changes that are one file."""

    changes: Sequence[Change]
    old: Reader
    new: Reader
    stat: bool = False
    name_only: bool = False
    by_key: bool | None = None
    renames: Sequence[Rename] = ()

    @property
    def any(self) -> bool:
        """Whether there are differences."""
        return bool(self.changes)

    def text(self, console: Console) -> None:
        """Print it for people, or as a patch."""
        if self.name_only or console.verbosity < 0:
            for change in self.changes:
                console.line(console.path(change.path))
        elif self.stat:
            rows = [self._stat_row(pair) for pair in self._pairs() if not pair.is_folder]
            console.lines(list(render_stat(rows, console.width, colour=console.colour)))
        else:
            for pair in self._pairs():
                for line in self._lines(console, pair):
                    console.line(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "changes": [self._document(change) for change in self.changes],
            "renames": [rename_document(rename) for rename in self.renames],
        }

    def _pairs(self) -> Iterator[_Pair]:
        """What is compared with what, in the order of the paths; a renamed file stands at its new one."""
        gone = {rename.old.path for rename in self.renames}
        renamed = {rename.new.path: rename for rename in self.renames}
        for change in self.changes:
            rename = renamed.get(change.path)
            if rename is not None and change.old is None:
                yield _Pair(rename.old.path, change.path, rename.old.old, change.new, rename.alike)
            elif change.new is not None or change.path not in gone:
                yield _Pair(change.path, change.path, change.old, change.new)

    def _lines(self, console: Console, pair: _Pair) -> Iterator[str]:
        if pair.is_folder:
            yield f"{'new' if pair.new else 'deleted'} empty folder {console.path(pair.new_path)}/"
            return
        old_label = os.fsdecode(pair.old_path) if pair.old else None
        new_label = os.fsdecode(pair.new_path) if pair.new else None
        # A patch must stay a patch, so keys are for whoever reads the screen.
        if self.by_key or (self.by_key is None and console.terminal):
            json = self._json(pair)
            if json is not None:
                yield from self._json_lines(console, pair, json)
                return
        result = self._compare(pair)
        header = git_header(
            old_label,
            new_label,
            old_mode=_mode(pair.old),
            new_mode=_mode(pair.new),
            alike=pair.alike,
            terminal=console.terminal,
        )
        if result.binary and pair.alike != _EQUAL:
            sizes = (pair.old.size if pair.old else None, pair.new.size if pair.new else None)
            yield render_binary(old_label, new_label, *sizes, colour=console.colour)
            return
        yield from render_unified(
            old_label,
            new_label,
            result.hunks,
            header_lines=header,
            colour=console.colour,
            terminal=console.terminal,
        )

    def _json_lines(self, console: Console, pair: _Pair, found: list[JsonChange]) -> Iterator[str]:
        yield console.style(console.safe(pair.name), "bold") + " (by key; --text compares lines)"
        yield from render_json_changes(found, colour=console.colour, terminal=console.terminal)

    def _json(self, pair: _Pair) -> list[JsonChange] | None:
        """The changes by key, for a JSON file that is on both sides."""
        if pair.old is None or pair.new is None or not pair.new_path.endswith(b".json"):
            return None
        if pair.old.kind is not pair.new.kind:
            return None
        return json_changes(self.old(pair.old_path, pair.old), self.new(pair.new_path, pair.new)) or None

    def _compare(self, pair: _Pair) -> FileDiff:
        large = max(entry.size for entry in (pair.old, pair.new) if entry is not None) > MAX_SHOWN
        if large:
            sizes = [entry.size if entry else 0 for entry in (pair.old, pair.new)]
            return FileDiff(sizes[0], sizes[1], True, ())
        try:
            before = None if pair.old is None else self.old(pair.old_path, pair.old)
            after = None if pair.new is None else self.new(pair.new_path, pair.new)
        except NotFetched:
            if not self.stat:
                raise
            # Their sizes are known all the same.
            return FileDiff(pair.old and pair.old.size, pair.new and pair.new.size, True, ())
        return compare(before, after)

    def _stat_row(self, pair: _Pair) -> StatRow:
        result = self._compare(pair)
        sizes = (result.old_size or 0, result.new_size or 0) if result.binary else None
        return StatRow(pair.name, result.added, result.removed, sizes)

    def _document(self, change: Change) -> dict[str, Any]:
        document = change_document(change)
        pair = _Pair(change.path, change.path, change.old, change.new)
        if pair.is_folder:
            return document
        result = self._compare(pair)
        document |= {"binary": result.binary, "added_lines": result.added, "removed_lines": result.removed}
        found = None if self.stat and result.binary else self._json(pair)
        if found is not None:
            document["keys"] = [
                {"key": entry.path, "change": str(entry.kind.value), "old": entry.old, "new": entry.new}
                for entry in found
            ]
        return document


def _mode(entry: TreeEntry | None) -> str | None:
    return None if entry is None else _MODES[entry.kind]
