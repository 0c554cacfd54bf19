"""Makes what no honest program would: objects, packs, manifests and remotes that say what they like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgpack

from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Data, Kind, ObjectId, blob_id, hash_object
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.store.compress import compress
from sovrgit.store.format import ChunkRecord, Codec, PackClass, chunk_list
from sovrgit.store.packwriter import NewEntry, PackWriter

MAIN = "refs/heads/main"
REPOSITORY = b"a hostile remote"
WHO = Stamp("Mallory", "mallory@example.org", 1_700_000_000)
ABSENT = blob_id(b"what nobody has")

FILE, EXECUTABLE, LINK, FOLDER = EntryKind


class Forge:
    """Gathers entries, puts them into packs, and publishes a manifest in a folder: a remote, as `sovr` reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "packs").mkdir(parents=True, exist_ok=True)
        self.waiting: list[NewEntry] = []
        self.packs: list[PackEntry] = []
        self.sizes: dict[ObjectId, int] = {}

    # --- objects ------------------------------------------------------------------------------------------------

    def add(self, kind: Kind, data: bytes, claimed: ObjectId | None = None) -> ObjectId:
        """An object, under another id than its own if that is given."""
        codec, payload = compress(data)
        return self.entry(NewEntry(kind, codec, 0, len(data), claimed or hash_object(kind, data), payload))

    def entry(self, entry: NewEntry) -> ObjectId:
        """An entry of a pack, whatever it says."""
        self.waiting.append(entry)
        self.sizes[entry.id] = entry.size
        return entry.id

    def payload(self, payload: Data, *, size: int, codec: Codec, claimed: ObjectId) -> ObjectId:
        """A blob whose payload is given."""
        return self.entry(NewEntry(Kind.BLOB, codec, 0, size, claimed, payload))

    def chunks(self, records: Iterable[ChunkRecord], *, size: int, claimed: ObjectId, depth: int = 1) -> ObjectId:
        """A blob in pieces."""
        return self.entry(NewEntry(Kind.BLOB, Codec.CHUNKS, depth, size, claimed, chunk_list(list(records))))

    def blob(self, data: bytes = b"content\n") -> ObjectId:
        return self.add(Kind.BLOB, data)

    def row(
        self, name: bytes, kind: EntryKind = FILE, item: ObjectId | None = None, size: int | None = None
    ) -> TreeEntry:
        """An entry of a tree; of a file with some content, if nothing is said."""
        found = self.blob() if item is None else item
        return TreeEntry(name, kind, found, self.sizes.get(found, 0) if size is None else size)

    def link(self, name: bytes, target: bytes) -> TreeEntry:
        return self.row(name, LINK, self.blob(target))

    def tree(self, *rows: TreeEntry) -> ObjectId:
        tree = Tree.of(rows)
        made = self.add(Kind.TREE, tree.encode())
        self.sizes[made] = tree.size
        return made

    def folder_row(self, name: bytes, *rows: TreeEntry) -> TreeEntry:
        return self.row(name, FOLDER, self.tree(*rows))

    def raw_tree(self, *rows: tuple[bytes, int, bytes, int]) -> ObjectId:
        """A tree of rows that `Tree` would refuse to encode."""
        made = self.add(Kind.TREE, msgpack.packb({"entries": [list(row) for row in rows]}))
        self.sizes[made] = sum(row[3] for row in rows)
        return made

    def commit(self, tree: ObjectId, *parents: ObjectId, **fields: Any) -> ObjectId:
        return self.add(Kind.COMMIT, Commit(tree, parents, WHO, fields.pop("message", "Evil"), **fields).encode())

    # --- packs and manifests ------------------------------------------------------------------------------------

    def pack(self, kind: PackClass = PackClass.METADATA) -> PackEntry:
        """A pack of what was gathered."""
        writer = PackWriter(self.folder, kind)
        for entry in self.waiting:
            writer.add(entry)
        made = writer.finish()
        made.path.rename(self.path(made.id))
        self.waiting = []
        self.packs.append(PackEntry(made.id, made.size, kind, len(made.toc)))
        return self.packs[-1]

    def path(self, pack: ObjectId) -> Path:
        return self.folder / "packs" / f"{pack}.pack"

    def publish(self, refs: Mapping[str, ObjectId] | ObjectId, **fields: Any) -> Manifest:
        """A manifest over all packs; `refs` may be the commit of `main`."""
        if self.waiting:
            self.pack()
        values: dict[str, Any] = {"repository": REPOSITORY, "generation": 1, "chain": (), "writer": "w", "time": 0}
        values |= {"head": MAIN, "packs": tuple(self.packs)}
        values["refs"] = {MAIN: refs} if isinstance(refs, ObjectId) else refs
        manifest = Manifest(**(values | fields))
        self.raw(manifest.encode())
        return manifest

    def raw(self, manifest: bytes) -> None:
        """A manifest of any bytes."""
        (self.folder / "manifest").write_bytes(manifest)
