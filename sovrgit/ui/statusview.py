"""How the state of a pod is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.pod.refs import branch_name
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.pod.mergestate import MergeState
    from sovrgit.pod.overlay import LeftOut
    from sovrgit.pod.renames import Rename
    from sovrgit.pod.status import Status
    from sovrgit.pod.treediff import Change

_LABELS = {"added": ("new", "green"), "removed": ("deleted", "red"), "modified": ("modified", "yellow")}
_TYPE_LABEL = ("type changed", "yellow")

_NAMED = 5
"""Paths that were left at a remote and are named."""

COLLAPSE_FROM = 10
"""New files in a folder from which one line stands for all of them."""


@dataclass(frozen=True, slots=True)
class StatusView:
    """Shows a `Status`."""

    status: Status

    def text(self, console: Console) -> None:
        """Print it for people."""
        branch = branch_name(self.status.branch)
        head = self.status.head
        if console.verbosity >= 0:
            at = console.style(head.short, "yellow") if head else "no commit yet"
            console.line(f"on {console.style(console.safe(branch), 'bold')}, {at}")
        merge = self.status.merge
        if merge is not None and console.verbosity >= 0:
            self._merge(console, merge)
        renames = self.status.renames
        renamed = {id(side) for rename in renames for side in (rename.old, rename.new)}
        rename_lines(console, renames)
        change_lines(console, [change for change in self.status.changes if id(change) not in renamed])
        if self.status.absent and console.verbosity >= 0:
            size = sum(item.entry.size for item in self.status.absent)
            console.line(f"{human_size(size)} left at a remote: {_listed(console, self.status.absent)}")
        if console.verbosity < 0 or merge is not None:
            return
        if self.status.is_clean:
            console.line("clean" if head else "the pod is empty")
        else:
            console.hint("`sovr commit -m MESSAGE` records this; `sovr diff` shows it")

    def _merge(self, console: Console, merge: MergeState) -> None:
        from sovrgit.ui.mergeview import NEXT, conflict_lines

        console.line(f"{merge.operation} of {console.safe(merge.label)}, {plural(len(merge.open), 'conflict')} left")
        conflict_lines(console, merge.open)
        console.hint(NEXT if merge.open else f"`sovr commit` finishes the {merge.operation}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "branch": branch_name(self.status.branch),
            "commit": str(self.status.head) if self.status.head else None,
            "clean": self.status.is_clean,
            "files": self.status.files,
            "changes": [change_document(change) for change in self.status.changes],
            "merge": self._merge_document(),
            "renames": [rename_document(rename) for rename in self.status.renames],
            "absent": [
                {**path_fields(item.path), "kind": item.entry.kind.name.lower(), "size": item.entry.size}
                for item in self.status.absent
            ],
        }

    def _merge_document(self) -> dict[str, Any] | None:
        if self.status.merge is None:
            return None
        from sovrgit.ui.mergeview import state_document

        return state_document(self.status.merge)


def rename_lines(console: Console, renames: Sequence[Rename]) -> None:
    """One line for each file that has another name."""
    for rename in renames:
        names = f"{console.path(rename.old.path)} -> {console.path(rename.new.path)}"
        console.line(f"  {console.style('renamed  ', 'cyan')} {names}")


def rename_document(rename: Rename) -> dict[str, Any]:
    """A file that has another name, as JSON."""
    return {
        "from": path_fields(rename.old.path),
        "to": path_fields(rename.new.path),
        "alike": rename.alike,
    }


def _listed(console: Console, absent: Sequence[LeftOut]) -> str:
    """Some of what is not here, and how many more there are."""
    named = [str(console.path(item.path + (b"/" if item.entry.is_directory else b""))) for item in absent[:_NAMED]]
    more = [f"{len(absent) - _NAMED} more"] if len(absent) > _NAMED else []
    return ", ".join([*named, *more])


def change_lines(console: Console, changes: Sequence[Change]) -> None:
    """One line a change; many new or deleted files of a folder share one."""
    for label, path, count, style in collapsed(changes):
        more = console.style(f"  ({plural(count, 'file')})", "dim") if count > 1 else ""
        console.line(f"  {console.style(f'{label:<9}', style)} {console.path(path)}{more}")


def collapsed(changes: Sequence[Change]) -> list[tuple[str, bytes, int, str]]:
    """The changes as (label, path, files, style), with large folders that came or went whole as one row."""
    whole = _whole_folders(changes)
    rows: list[tuple[str, bytes, int, str]] = []
    done: set[tuple[bytes, str]] = set()
    emptied = {folder for change in changes if change.kind == "removed" for folder in _above(change.path)}
    for change in changes:
        if change.kind == "added" and change.path in emptied:
            continue  # A folder that has lost its last file is not news of its own.
        label, style = _LABELS.get(change.kind, _TYPE_LABEL)
        folder = next((above for above in _above(change.path) if (above, change.kind) in whole), None)
        if folder is None:
            entry = change.new or change.old
            slash = b"/" if entry is not None and entry.is_directory else b""
            rows.append((label, change.path + slash, 1, style))
        elif (folder, change.kind) not in done:
            done.add((folder, change.kind))
            rows.append((label, folder + b"/", whole[folder, change.kind], style))
    return rows


def _whole_folders(changes: Sequence[Change]) -> dict[tuple[bytes, str], int]:
    """Folders below which all changes are of one kind, new or deleted, and many."""
    kinds: dict[bytes, set[str]] = {}
    counts: dict[tuple[bytes, str], int] = {}
    for change in changes:
        for folder in _above(change.path):
            kinds.setdefault(folder, set()).add(change.kind)
            counts[folder, change.kind] = counts.get((folder, change.kind), 0) + 1
    return {
        key: count
        for key, count in counts.items()
        if count >= COLLAPSE_FROM and key[1] in ("added", "removed") and len(kinds[key[0]]) == 1
    }


def _above(path: bytes) -> list[bytes]:
    """The folders that a path lies in, the outermost first."""
    parts = path.split(b"/")
    return [b"/".join(parts[:length]) for length in range(1, len(parts))]


def change_document(change: Change) -> dict[str, Any]:
    """A change as JSON."""
    return {
        **path_fields(change.path),
        "change": change.kind,
        "old": _side(change.old),
        "new": _side(change.new),
    }


def _side(entry: Any) -> dict[str, Any] | None:
    if entry is None:
        return None
    # A file whose size alone shows that it differs was not read, so its id is not known.
    identity = str(entry.id) if any(entry.id) else None
    return {"kind": entry.kind.name.lower(), "id": identity, "size": entry.size}
