"""Making a tree out of another one: paths put in and taken out."""

from __future__ import annotations

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore


class TreeEditor:
    """A tree being changed. Folders are loaded when something below them is touched."""

    def __init__(self, store: ObjectStore, base: ObjectId = EMPTY_TREE_ID) -> None:
        self._store = store
        self._base = store.tree(base)
        self._entries = {entry.name: entry for entry in self._base.entries}
        self._below: dict[bytes, TreeEditor] = {}

    def put(self, path: bytes, entry: TreeEntry | None) -> None:
        """Put an entry at a path, or nothing; folders above it are made as needed.

        The name in `entry` does not matter. A folder that loses its last entry stays, empty. To go below a folder that
        was put in, its tree must be in the store.
        """
        name, _, rest = path.partition(b"/")
        if rest:
            below = self._folder(name, make=entry is not None)
            if below is not None:
                below.put(rest, entry)
            return
        self._below.pop(name, None)
        if entry is None:
            self._entries.pop(name, None)
        else:
            self._entries[name] = entry._replace(name=name)

    def prune(self, path: bytes) -> None:
        """Take out the folder at a path, if nothing is left in it."""
        editor: TreeEditor | None = self
        for name in path.split(b"/"):
            editor = editor._folder(name, make=False) if editor is not None else None
        if editor is not None and not editor._entries and not editor._below:
            self.put(path, None)

    def write(self, session: WriteSession) -> ObjectId:
        """Store the tree and all changed ones below it; its id."""
        return self._write(session)[0]

    def _write(self, session: WriteSession) -> tuple[ObjectId, int]:
        entries = dict(self._entries)
        for name, below in self._below.items():
            entries[name] = TreeEntry(name, EntryKind.DIRECTORY, *below._write(session))
        tree = Tree.of(entries.values())._replace(extra=self._base.extra)
        return session.add(Kind.TREE, tree.encode()), tree.size

    def _folder(self, name: bytes, *, make: bool) -> TreeEditor | None:
        if name not in self._below:
            found = self._entries.get(name)
            if found is not None and found.is_directory:
                self._below[name] = TreeEditor(self._store, found.id)
            elif make:
                self._below[name] = TreeEditor(self._store)
            else:
                return None
        return self._below[name]
