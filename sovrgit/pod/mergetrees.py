"""Merging trees, three ways: cost follows what has changed since the common ancestor, not what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.pod.mergetext import MAX_MERGED, Labels, can_merge, merge_text
from sovrgit.pod.treeedit import TreeEditor

if TYPE_CHECKING:
    from sovrgit.store.session import WriteSession
    from sovrgit.store.store import ObjectStore

Reason: TypeAlias = Literal["text", "binary", "removed", "kind", "added", "output"]
"""Why two changes contradict each other: the same lines; the same file, which is no text; removed on one side; a file,
a link or a folder in one place; two files of one name; results of runs, which are never mixed."""


class Conflict(NamedTuple):
    """A path on which both sides do not agree. None stands for nothing being there."""

    path: bytes
    reason: Reason
    base: TreeEntry | None
    ours: TreeEntry | None
    theirs: TreeEntry | None


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The merged tree. Where there are conflicts it has our side, or text in which both are marked."""

    tree: ObjectId
    conflicts: tuple[Conflict, ...]


@dataclass(slots=True)
class _Merge:
    store: ObjectStore
    session: WriteSession
    labels: Labels
    whole: frozenset[bytes]
    editor: TreeEditor
    conflicts: list[Conflict] = field(default_factory=list)


def merge_trees(
    store: ObjectStore,
    session: WriteSession,
    base: ObjectId,
    ours: ObjectId,
    theirs: ObjectId,
    labels: Labels,
    whole: Sequence[str] = (),
) -> MergedTree:
    """Bring what `theirs` has changed since `base` into `ours`. New objects are stored in `session`.

    Args:
        whole: folders that are taken from one side or the other, never mixed.
    """
    merge = _Merge(store, session, labels, frozenset(folder.encode() for folder in whole), TreeEditor(store, ours))
    waiting: list[tuple[bytes, ObjectId | None, ObjectId | None, ObjectId | None]] = [(b"", base, ours, theirs)]
    visited = []
    while waiting:
        path, *sides = waiting.pop()
        waiting += _merge_folder(merge, path, *sides)
        if path and EMPTY_TREE_ID not in sides:
            visited.append(path)
    for path in reversed(visited):
        # Each side has removed a part: a folder that nobody has left empty is none.
        merge.editor.prune(path)
    return MergedTree(merge.editor.write(session), tuple(sorted(merge.conflicts)))


def _merge_folder(
    merge: _Merge, path: bytes, base: ObjectId | None, ours: ObjectId | None, theirs: ObjectId | None
) -> list[tuple[bytes, ObjectId | None, ObjectId | None, ObjectId | None]]:
    """Merge the entries of a folder; the folders below in which both sides have changed something."""
    before, mine, other = (_entries(merge.store, tree) for tree in (base, ours, theirs))
    below = []
    for name in sorted(before.keys() | mine.keys() | other.keys()):
        old, here, there = before.get(name), mine.get(name), other.get(name)
        if there in (old, here):
            continue
        full = path + b"/" + name if path else name
        if here == old:
            merge.editor.put(full, there)
        elif full in merge.whole:
            merge.conflicts.append(Conflict(full, "output", old, here, there))
        elif _is_folder(here) and _is_folder(there):
            below.append((full, _tree(old), _tree(here), _tree(there)))
        else:
            _merge_entry(merge, full, old, here, there)
    return below


def _merge_entry(
    merge: _Merge, path: bytes, old: TreeEntry | None, here: TreeEntry | None, there: TreeEntry | None
) -> None:
    """Merge a path that both sides have changed, and not alike."""
    if here is None or there is None:
        # What was changed on one side is kept: to lose it must be somebody's will.
        if here is None:
            merge.editor.put(path, there)
        merge.conflicts.append(Conflict(path, "removed", old, here, there))
        return
    if not (_is_file(here) and _is_file(there)):
        merge.conflicts.append(Conflict(path, "kind", old, here, there))
        return
    known = old if old is not None and _is_file(old) else None
    kind = _merged_kind(known, here, there)
    if here.id == there.id:
        merge.editor.put(path, here._replace(kind=kind))
        return
    if known is not None and known.id in (here.id, there.id):
        taken = there if known.id == here.id else here
        merge.editor.put(path, taken._replace(kind=kind))
        return
    contents = [_content(merge.store, entry) for entry in (known, here, there)]
    texts = [content for content in contents if content is not None]
    if len(texts) < len(contents) or not can_merge(*texts):
        merge.conflicts.append(Conflict(path, "added" if known is None else "binary", old, here, there))
        return
    merged = merge_text(texts[0], texts[1], texts[2], merge.labels)
    digest = merge.session.add(Kind.BLOB, merged.content)
    merge.editor.put(path, TreeEntry(here.name, kind, digest, len(merged.content)))
    if merged.conflicts:
        merge.conflicts.append(Conflict(path, "added" if known is None else "text", old, here, there))


def _merged_kind(old: TreeEntry | None, here: TreeEntry, there: TreeEntry) -> EntryKind:
    """Executable or not: what one side has changed; of two new files executable, if one is."""
    if here.kind is there.kind:
        return here.kind
    if old is None:
        return EntryKind.EXECUTABLE
    return there.kind if here.kind is old.kind else here.kind


def _content(store: ObjectStore, entry: TreeEntry | None) -> bytes | None:
    """The content of a file that may be text; nothing for one that is not there, None if it is too large."""
    if entry is None:
        return b""
    return bytes(store.read(entry.id, Kind.BLOB)) if entry.size <= MAX_MERGED else None


def _entries(store: ObjectStore, tree: ObjectId | None) -> dict[bytes, TreeEntry]:
    return {entry.name: entry for entry in store.tree(tree).entries} if tree is not None else {}


def _tree(entry: TreeEntry | None) -> ObjectId | None:
    return entry.id if entry is not None and entry.is_directory else None


def _is_folder(entry: TreeEntry | None) -> bool:
    return entry is not None and entry.is_directory


def _is_file(entry: TreeEntry) -> bool:
    return entry.kind in (EntryKind.FILE, EntryKind.EXECUTABLE)
