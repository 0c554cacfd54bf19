"""Writing a whole tree out as files, into a new folder."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sovrgit.errors import IntegrityFailure, StorageFull
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry, check_size
from sovrgit.pod import repeats, secondprocess
from sovrgit.pod.aliases import refuse_aliases
from sovrgit.pod.index import DIRECTORY, EXECUTABLE, FILE, IGNORED, NO_STAMP, SYMLINK, UNKNOWN, Folder, Index, storable
from sovrgit.pod.newfile import Advance, make_folder, silent, write_new
from sovrgit.pod.overlay import left_out
from sovrgit.pod.paths import folders_above
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.stamps import changed_at, is_recent
from sovrgit.store.files import reporting
from sovrgit.store.format import Codec

if TYPE_CHECKING:
    from sovrgit.store.catalogue import Location
    from sovrgit.store.store import ObjectStore

_STAMPS = struct.Struct("=QqqQ")
"""What the index keeps of a file: its size, times of modification and of change in nanoseconds, and inode. Packed, it
takes a third of the memory."""

WORTHWHILE = 2_000
"""Files from which a second process pays: it costs about 10 ms."""

_WEIGHT = 32 << 10
"""Bytes that take as long to write as it takes to create a file."""

_KIND_BYTES = {EntryKind.FILE: FILE, EntryKind.EXECUTABLE: EXECUTABLE, EntryKind.SYMLINK: SYMLINK}


class _Planned(NamedTuple):
    """A folder that was made for a tree. What is in the tree is read again when it is needed: a million entries take
    200 MB. `out` are the names that were left out, None if nothing was, here or below."""

    tree: ObjectId
    size: int
    out: frozenset[bytes] | None = None

    def entries(self, store: ObjectStore) -> tuple[TreeEntry, ...]:
        """What is to be there."""
        entries = store.tree(self.tree).entries
        return tuple(entry for entry in entries if entry.name not in self.out) if self.out else entries


Targets: TypeAlias = dict[ObjectId, list[tuple[bytes, EntryKind]]]
"""Where a blob is to be written, as what."""


def write_tree(
    store: ObjectStore,
    tree: ObjectId,
    root: Path,
    advance: Advance = silent,
    places: Mapping[ObjectId, Location] | None = None,
    sparse: Sparse | None = None,
) -> Index:
    """Write a tree into a folder that is new or empty but for `.sovr`, and give the index that describes it.

    Every byte is verified before the file it belongs to is complete. Nothing that exists is overwritten or followed.

    Args:
        places: where the blobs are, if that is known already.
        sparse: what is left out.

    Raises:
        UnsafeName: if two names are the same to this file system, one is a repository's, or a link has no possible
            target.
        ObjectMissing, IntegrityFailure: if the store does not hold the tree.
        ObjectInvalid: if it is no tree, says sizes that are not so, or repeats its folders without measure. Nothing
            is written.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    top = os.fsencode(root)
    with reporting(root):
        out = {item.path for item in left_out(store, tree, sparse)} if sparse is not None else set[bytes]()
        folders, targets = _plan(store, tree, out)
        if places is None:
            store.ensure(targets)
        found = {item: places[item] for item in targets} if places is not None else store.locations(targets)
        _check_sizes(store, top, folders, found)
        for path in folders:
            if path:
                make_folder(top + b"/" + path)
        return _index_of(store, top, folders, _write_all(store, top, targets, found, advance), tree)


def _plan(store: ObjectStore, tree: ObjectId, out: Collection[bytes] = ()) -> tuple[dict[bytes, _Planned], Targets]:
    """The folders to be made, each after the one that it is in, and what is to be written into them."""
    folders: dict[bytes, _Planned] = {}
    incomplete = {b"", *chain.from_iterable(map(folders_above, out))} if out else set()
    targets: Targets = {}
    names, is_bounded = 0, False
    waiting = [(b"", tree, store.tree(tree).size)]
    while waiting:
        path, digest, size = waiting.pop()
        entries = store.tree(digest).entries
        names += len(entries)
        if names > repeats.SUSPECT_FROM and not is_bounded:
            repeats.refuse_repeats(store, tree)
            is_bounded = True
        refuse_aliases(entry.name for entry in entries)
        folders[path] = planned = _Planned(digest, size)
        if path in incomplete:
            before = path + b"/" if path else path
            left = frozenset(entry.name for entry in entries if before + entry.name in out)
            folders[path] = planned = planned._replace(out=left)
            entries = planned.entries(store)
        for entry in entries:
            full = path + b"/" + entry.name if path else entry.name
            if entry.is_directory:
                waiting.append((full, entry.id, entry.size))
            else:
                target = (full, entry.kind)
                if entry.id in targets:
                    targets[entry.id].append(target)
                else:
                    # Almost always the only one: a list that grows takes more than one that is made so.
                    targets[entry.id] = [target]
    return folders, targets


def _check_sizes(
    store: ObjectStore, top: bytes, folders: Mapping[bytes, _Planned], places: Mapping[ObjectId, Location]
) -> None:
    """Check that files are files, all is as large as its folder says, and there is room for all of it."""
    needed = 0
    for planned in folders.values():
        total = 0
        for entry in planned.entries(store):
            total += entry.size
            if entry.is_directory:
                continue
            place = places[entry.id]
            if place.kind is not Kind.BLOB:
                raise IntegrityFailure(what=f"object {entry.id.short}", reason=f"it is a {place.kind.label}")
            check_size(entry.id, place.size, entry.size)
            needed += entry.size
        # Of a folder in which something is left out, the rest says nothing of the whole.
        if planned.out is None:
            check_size(planned.tree, total, planned.size)
    disk = os.statvfs(top)
    # Some file systems say nothing of their size.
    if disk.f_blocks and needed > disk.f_bavail * disk.f_frsize:
        raise StorageFull(path=os.fsdecode(top))


# --- files ------------------------------------------------------------------------------------------------------


def _write_all(
    store: ObjectStore, top: bytes, targets: Targets, places: Mapping[ObjectId, Location], advance: Advance
) -> dict[bytes, bytes]:
    """Write all files, small ones with two processes: creating a file and reading a small blob hold the interpreter
    lock almost all the time, so threads would not help."""
    # In the order of the packs, which is that of the folders when they were committed.
    ordered = sorted(targets, key=lambda item: (places[item].pack, places[item].offset))
    large = [item for item in ordered if places[item].codec is Codec.CHUNKS]
    small = [item for item in ordered if places[item].codec is not Codec.CHUNKS]
    others: list[ObjectId] = []
    if len(small) >= WORTHWHILE and secondprocess.can_fork():
        weights = [len(targets[item]) * (1 + places[item].size // _WEIGHT) for item in small]
        small, others = secondprocess.split(small, weights)

    def write(items: Iterable[ObjectId], told: Advance) -> bytes:
        return _write_files(store, top, items, targets, places, told)

    mine = [*small, *large]
    if not others:
        return _by_path(targets, mine, write(mine, advance))
    with secondprocess.SharedProgress() as theirs:

        def write_others() -> bytes:
            with reporting(Path(os.fsdecode(top))):
                return write(others, theirs.add)

        def advance_both(files: int, size: int) -> None:
            more_files, more_size = theirs.take()
            advance(files + more_files, size + more_size)

        with secondprocess.second_process(lambda: secondprocess.packed(write_others)) as child:
            # What is large is looked up piece by piece, which only the process can do that opened the catalogue.
            stamps = write(mine, advance_both)
            answer = child.answer()
        if answer is None:
            # The child died. Its files are ours, in folders that were made for them.
            for path, _ in chain.from_iterable(targets[item] for item in others):
                _remove(top + b"/" + path)
            theirs.restart()
            others_stamps = write(others, theirs.add)
        else:
            others_stamps = secondprocess.unpacked(answer, bytes)
        advance(*theirs.take())
    rows = _by_path(targets, mine, stamps)
    rows.update(_by_path(targets, others, others_stamps))
    return rows


def _by_path(targets: Targets, items: list[ObjectId], stamps: bytes) -> dict[bytes, bytes]:
    """The stamps of files that were written in the order of items."""
    paths = (path for item in items for path, _ in targets[item])
    size = _STAMPS.size
    return {path: stamps[at * size : (at + 1) * size] for at, path in enumerate(paths)}


def _remove(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _write_files(
    store: ObjectStore,
    top: bytes,
    items: Iterable[ObjectId],
    targets: Targets,
    places: Mapping[ObjectId, Location],
    advance: Advance,
) -> bytes:
    """Write files; their stamps, one after the other."""
    stamps = bytearray()
    folder: bytes | None = None
    descriptor = -1
    try:
        for digest, data in store.read_placed((places[item], item) for item in items):
            for path, kind in targets[digest]:
                above, _, name = path.rpartition(b"/")
                if above != folder:
                    # Kept open, as one file after the other goes into it: looking up a whole path costs more.
                    if descriptor >= 0:
                        os.close(descriptor)
                        descriptor = -1
                    folder, descriptor = above, _entered(top, above)
                found = write_new(store, name, kind, digest, data, descriptor)
                modified = storable(found.st_mtime_ns)
                stamps += _STAMPS.pack(found.st_size, modified, found.st_ctime_ns, found.st_ino)
                advance(1, found.st_size)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return bytes(stamps)


def _entered(top: bytes, folder: bytes) -> int:
    """A descriptor of a folder."""
    return os.open(top + b"/" + folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


# --- the index --------------------------------------------------------------------------------------------------


def _index_of(
    store: ObjectStore, top: bytes, folders: dict[bytes, _Planned], rows: dict[bytes, bytes], tree: ObjectId
) -> Index:
    index = Index(head=tree)
    # The time of the file system: what was written just before it could still change under the same stamp.
    clock = max((_STAMPS.unpack(row)[2] for row in rows.values()), default=0)
    for path, planned in folders.items():
        descriptor = _entered(top, path)
        try:
            modified = changed_at(os.fstat(descriptor))
            folder = Folder.empty(NO_STAMP if is_recent(modified, clock) else modified)
            names = os.listdir(descriptor)
        finally:
            os.close(descriptor)
        entries = {entry.name: entry for entry in planned.entries(store)}
        for name in names:
            entry = entries.get(os.fsencode(name))
            if entry is None:
                folder.append(name, IGNORED, 0, 0, 0, 0, UNKNOWN)
            elif entry.is_directory:
                folder.append(name, DIRECTORY, 0, 0, 0, 0, UNKNOWN)
            else:
                row = rows.pop(path + b"/" + entry.name if path else entry.name)
                size, modified, changed, inode = _STAMPS.unpack(row)
                stamp = NO_STAMP if is_recent(changed, clock) else modified
                folder.append(name, _KIND_BYTES[entry.kind], size, stamp, changed, inode, entry.id)
        if len(names) != len(entries):
            # Something else is in the folder, `.sovr` at least: let the next look decide what it is.
            folder.modified = NO_STAMP
        folder.tree, folder.size = planned.tree if planned.out is None else b"", planned.size
        index.folders[os.fsdecode(path)] = folder
    return index
