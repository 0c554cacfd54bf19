"""How differences between two states are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
from sovrgit.ui.statusview import change_document

MAX_SHOWN = 32 << 20
"""Bytes of the largest file whose content is compared; larger ones get one line."""

_MODES = {EntryKind.FILE: "100644", EntryKind.EXECUTABLE: "100755", EntryKind.SYMLINK: "120000"}

Reader = Callable[[bytes, TreeEntry], bytes]


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Shows changes; `old` and `new` read the content of a side. JSON files are compared key by key where `by_key` says
    so, or on a terminal if it says nothing."""

    changes: Sequence[Change]
    old: Reader
    new: Reader
    stat: bool = False
    name_only: bool = False
    by_key: bool | None = None

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
            rows = [self._stat_row(change) for change in self.changes if not _is_folder(change)]
            console.lines(list(render_stat(rows, console.width, colour=console.colour)))
        else:
            for change in self.changes:
                for line in self._lines(console, change):
                    console.line(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"changes": [self._document(change) for change in self.changes]}

    def _lines(self, console: Console, change: Change) -> Iterator[str]:
        if _is_folder(change):
            yield f"{'new' if change.new else 'deleted'} empty folder {console.path(change.path)}/"
            return
        label = os.fsdecode(change.path)
        old_label = label if change.old else None
        new_label = label if change.new else None
        # A patch must stay a patch, so keys are for whoever reads the screen.
        if self.by_key or (self.by_key is None and console.terminal):
            json = self._json(change)
            if json is not None:
                yield from self._json_lines(console, change, json)
                return
        result = self._compare(change)
        header = git_header(
            old_label,
            new_label,
            old_mode=_mode(change.old),
            new_mode=_mode(change.new),
            terminal=console.terminal,
        )
        if result.binary:
            sizes = (change.old.size if change.old else None, change.new.size if change.new else None)
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

    def _json_lines(self, console: Console, change: Change, found: list[JsonChange]) -> Iterator[str]:
        yield console.style(f"{console.path(change.path)}", "bold") + " (by key; --text compares lines)"
        yield from render_json_changes(found, colour=console.colour, terminal=console.terminal)

    def _json(self, change: Change) -> list[JsonChange] | None:
        """The changes by key, for a JSON file that is on both sides."""
        if change.old is None or change.new is None or not change.path.endswith(b".json"):
            return None
        if change.old.kind is not change.new.kind:
            return None
        return json_changes(self.old(change.path, change.old), self.new(change.path, change.new)) or None

    def _compare(self, change: Change) -> FileDiff:
        large = max(entry.size for entry in (change.old, change.new) if entry is not None) > MAX_SHOWN
        if large:
            sizes = [entry.size if entry else 0 for entry in (change.old, change.new)]
            return FileDiff(sizes[0], sizes[1], True, ())
        try:
            before = None if change.old is None else self.old(change.path, change.old)
            after = None if change.new is None else self.new(change.path, change.new)
        except NotFetched:
            if not self.stat:
                raise
            # Their sizes are known all the same.
            return FileDiff(change.old and change.old.size, change.new and change.new.size, True, ())
        return compare(before, after)

    def _stat_row(self, change: Change) -> StatRow:
        result = self._compare(change)
        sizes = (result.old_size or 0, result.new_size or 0) if result.binary else None
        return StatRow(os.fsdecode(change.path), result.added, result.removed, sizes)

    def _document(self, change: Change) -> dict[str, Any]:
        document = change_document(change)
        if _is_folder(change):
            return document
        result = self._compare(change)
        document |= {"binary": result.binary, "added_lines": result.added, "removed_lines": result.removed}
        found = None if self.stat and result.binary else self._json(change)
        if found is not None:
            document["keys"] = [
                {"key": entry.path, "change": str(entry.kind.value), "old": entry.old, "new": entry.new}
                for entry in found
            ]
        return document


def _is_folder(change: Change) -> bool:
    entry = change.new or change.old
    return entry is not None and entry.is_directory


def _mode(entry: TreeEntry | None) -> str | None:
    return None if entry is None else _MODES[entry.kind]
