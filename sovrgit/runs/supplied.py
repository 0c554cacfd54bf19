"""External payload that is ready for a run: what is placed, and what the record says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sovrgit.errors import PayloadClash, PayloadUnavailable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import External, Run
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.treediff import find
from sovrgit.runs.inputs import Inputs, external_folder
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore

_DEEPEST = 100
"""Folders in folders down to which payloads that share a place are put together."""


class Supplied(NamedTuple):
    """External payload that is ready to be placed: its objects are in the pod's own store.

    `name` is one name below the folder of external payload. If it is empty, `entry` is a folder, and what is in it is
    spread out there. Of `external`, the place is the same whatever it says: `recorded` has it.
    """

    external: External
    name: bytes
    entry: TreeEntry

    @property
    def recorded(self) -> External:
        """What records and run keys say."""
        return self.external._replace(place=self.name.decode(), executable=self.entry.kind is EntryKind.EXECUTABLE)


def recorded_external(supplied: Iterable[Supplied]) -> tuple[External, ...]:
    """What records and run keys say of external payload."""
    return tuple(item.recorded for item in supplied)


def check_supplied(run: Run, supplied: Iterable[Supplied]) -> None:
    """Make sure that a repeat gets what the recorded run had, wherever it comes from this time.

    Raises:
        PayloadUnavailable: if it does not.
    """
    there = {_content(item) for item in recorded_external(supplied)}
    missing = [item for item in run.external if _content(item) not in there]
    if missing or len(there) != len({_content(item) for item in run.external}):
        path = missing[0].path if missing else next(iter(supplied)).external.path
        raise PayloadUnavailable(path=path, reason="the repeat was not given what the recorded run had")


def check_same(said: Iterable[Supplied], fetched: Iterable[Supplied]) -> None:
    """Make sure that what was fetched is what the run key was computed of.

    Raises:
        PayloadUnavailable: if it is not.
    """
    before, after = recorded_external(said), recorded_external(fetched)
    if before != after:
        path = next((item.path for item in (*before, *after) if item not in before or item not in after), "")
        raise PayloadUnavailable(path=path, reason="it changed while the run was being prepared")


def check_given(store: ObjectStore, tree: ObjectId, inputs: Inputs, supplied: Sequence[Supplied]) -> None:
    """Make sure that a recipe which asks for external payload is given some, or has it as the pod's own.

    Raises:
        PayloadUnavailable: if it is not.
    """
    wanted = inputs.golem.external
    if wanted and not supplied and not own_entries(store, tree, external_folder(inputs.golem)):
        raise PayloadUnavailable(path=wanted[0].data, reason="the run was not given it")


def external_tree(
    store: ObjectStore, session: WriteSession, supplied: Iterable[Supplied], kept: Iterable[TreeEntry] = ()
) -> ObjectId:
    """The tree of all external payload in its places. It is stored in `session`.

    Args:
        kept: what lies in the folder as the pod's own. It is not part of the tree, and nothing else takes its place.

    Raises:
        PayloadClash: if two want the same place for different content, or one that is kept.
        UnsafeName: if a name is none.
    """
    own = {entry.name: entry for entry in kept}
    entries: dict[bytes, TreeEntry] = {}
    for item in supplied:
        for entry in _spread(store, item):
            if (there := own.get(entry.name)) is None:
                _add(store, session, entries, entry, b"", 0)
            elif not _is_same(there, entry):
                raise PayloadClash(path=_shown(entry.name), reason="this pod has a file or folder of its own there")
    return _stored(session, entries).id


def own_entries(store: ObjectStore, tree: ObjectId, folder: str) -> tuple[TreeEntry, ...]:
    """What a pod's tree has in the folder of external payload.

    Raises:
        PayloadClash: if what it has there is no folder.
    """
    found = find(store, tree, folder.encode())
    if found is None:
        return ()
    if not found.is_directory:
        raise PayloadClash(path=folder, reason="this pod has a file there")
    return store.tree(found.id).entries


def _spread(store: ObjectStore, item: Supplied) -> tuple[TreeEntry, ...]:
    if item.name:
        return (item.entry._replace(name=item.name),)
    if not item.entry.is_directory:
        raise PayloadClash(path=item.external.path, reason="it is a file and has no name there", hint="")
    return store.tree(item.entry.id).entries


def _add(
    store: ObjectStore,
    session: WriteSession,
    entries: dict[bytes, TreeEntry],
    entry: TreeEntry,
    above: bytes,
    depth: int,
) -> None:
    """Add an entry to those of a folder; two folders become one."""
    there = entries.get(entry.name)
    path = above + entry.name
    if there is None or _is_same(there, entry):
        entries[entry.name] = entry
    elif not there.is_directory or not entry.is_directory or depth == _DEEPEST:
        raise PayloadClash(
            path=_shown(path),
            reason="two payloads of the recipe want this place for different content",
            hint="give one of them another name in its own pod, or take only one",
        )
    else:
        below = {item.name: item for item in store.tree(there.id).entries}
        for item in store.tree(entry.id).entries:
            _add(store, session, below, item, path + b"/", depth + 1)
        entries[entry.name] = _stored(session, below)._replace(name=entry.name)


def _stored(session: WriteSession, entries: dict[bytes, TreeEntry]) -> TreeEntry:
    tree = Tree.of(entries.values())
    identity = session.add(Kind.TREE, tree.encode()) if entries else EMPTY_TREE_ID
    return TreeEntry(b"", EntryKind.DIRECTORY, identity, tree.size)


def _is_same(one: TreeEntry, other: TreeEntry) -> bool:
    return (one.kind, one.id) == (other.kind, other.id)


def _content(item: External) -> tuple[str, str, bool, ObjectId]:
    """What a run can tell apart: not by which reference it was found."""
    return item.path, item.place, item.executable, item.id


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
