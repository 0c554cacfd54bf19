"""Writing a whole tree out as files, into a new folder."""

from __future__ import annotations

import mmap
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
from sovrgit.pod.index import DIRECTORY, EXECUTABLE, FILE, IGNORED, NO_STAMP, SYMLINK, UNKNOWN, Folder, Index
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

Stamps: TypeAlias = tuple[int, int, int, int]
"""What the index keeps of a file: its size, times of modification and of change in nanoseconds, and inode."""

WORTHWHILE = 2_000
"""Files from which a second process pays: it costs about 10 ms."""

_WEIGHT = 32 << 10
"""Bytes that take as long to write as it takes to create a file."""

_KIND_BYTES = {EntryKind.FILE: FILE, EntryKind.EXECUTABLE: EXECUTABLE, EntryKind.SYMLINK: SYMLINK}


class _Planned(NamedTuple):
    """A folder that was made for a tree. `tree` is empty if something below was left out."""

    tree: bytes
    size: int
    entries: dict[bytes, TreeEntry]


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
        _check_sizes(top, folders, found)
        for path in folders:
            if path:
                make_folder(top + b"/" + path)
        return _index_of(top, folders, _write_all(store, top, targets, found, advance), tree)


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
        if path in incomplete:
            before = path + b"/" if path else path
            entries = tuple(entry for entry in entries if before + entry.name not in out)
        known = b"" if path in incomplete else digest
        folders[path] = _Planned(known, size, {entry.name: entry for entry in entries})
        for entry in entries:
            full = path + b"/" + entry.name if path else entry.name
            if entry.is_directory:
                waiting.append((full, entry.id, entry.size))
            else:
                targets.setdefault(entry.id, []).append((full, entry.kind))
    return folders, targets


def _check_sizes(top: bytes, folders: Mapping[bytes, _Planned], places: Mapping[ObjectId, Location]) -> None:
    """Check that files are files, all is as large as its folder says, and there is room for all of it."""
    needed = 0
    for planned in folders.values():
        total = 0
        for entry in planned.entries.values():
            total += entry.size
            if entry.is_directory:
                continue
            place = places[entry.id]
            if place.kind is not Kind.BLOB:
                raise IntegrityFailure(what=f"object {entry.id.short}", reason=f"it is a {place.kind.label}")
            check_size(entry.id, place.size, entry.size)
            needed += entry.size
        # Of a folder in which something is left out, the rest says nothing of the whole.
        if planned.tree:
            check_size(ObjectId(planned.tree), total, planned.size)
    disk = os.statvfs(top)
    # Some file systems say nothing of their size.
    if disk.f_blocks and needed > disk.f_bavail * disk.f_frsize:
        raise StorageFull(path=os.fsdecode(top))


# --- files ------------------------------------------------------------------------------------------------------


def _write_all(
    store: ObjectStore, top: bytes, targets: Targets, places: Mapping[ObjectId, Location], advance: Advance
) -> dict[bytes, Stamps]:
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

    def write(items: Iterable[ObjectId], told: Advance) -> dict[bytes, Stamps]:
        return _write_files(store, top, {item: targets[item] for item in items}, places, told)

    if not others:
        return write([*small, *large], advance)
    with _SharedProgress() as theirs:

        def write_others() -> dict[bytes, Stamps]:
            with reporting(Path(os.fsdecode(top))):
                return write(others, theirs.add)

        def advance_both(files: int, size: int) -> None:
            more_files, more_size = theirs.take()
            advance(files + more_files, size + more_size)

        with secondprocess.second_process(lambda: secondprocess.packed(write_others)) as child:
            # What is large is looked up piece by piece, which only the process can do that opened the catalogue.
            stamps = write(chain(small, large), advance_both)
            answer = child.answer()
        if answer is None:
            # The child died. Its files are ours, in folders that were made for them.
            for path, _ in chain.from_iterable(targets[item] for item in others):
                _remove(top + b"/" + path)
            theirs.restart()
            stamps |= write(others, theirs.add)
        else:
            stamps |= secondprocess.unpacked(answer, dict)
        advance(*theirs.take())
    return stamps


def _remove(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _write_files(
    store: ObjectStore, top: bytes, targets: Targets, places: Mapping[ObjectId, Location], advance: Advance
) -> dict[bytes, Stamps]:
    stamps: dict[bytes, Stamps] = {}
    folder: bytes | None = None
    descriptor = -1
    try:
        for digest, data in store.read_placed([(places[item], item) for item in targets]):
            for path, kind in targets[digest]:
                above, _, name = path.rpartition(b"/")
                if above != folder:
                    # Kept open, as one file after the other goes into it: looking up a whole path costs more.
                    if descriptor >= 0:
                        os.close(descriptor)
                        descriptor = -1
                    folder, descriptor = above, _entered(top, above)
                found = write_new(store, name, kind, digest, data, descriptor)
                stamps[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
                advance(1, found.st_size)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return stamps


def _entered(top: bytes, folder: bytes) -> int:
    """A descriptor of a folder."""
    return os.open(top + b"/" + folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


class _SharedProgress:
    """How far the other process is: two numbers in memory that both see. Use as a context manager."""

    _FORM = struct.Struct("=QQ")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._FORM.size)
        self._done = self._told = (0, 0)

    def __enter__(self) -> _SharedProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()

    def add(self, files: int, size: int) -> None:
        """Tell of files and bytes that were written."""
        self._done = (self._done[0] + files, self._done[1] + size)
        self._FORM.pack_into(self._memory, 0, *self._done)

    def take(self) -> tuple[int, int]:
        """What was written since the last call, as far as it was told."""
        files, size = self._FORM.unpack_from(self._memory)
        # What is done once more is not told of twice.
        more = (max(files - self._told[0], 0), max(size - self._told[1], 0))
        self._told = (self._told[0] + more[0], self._told[1] + more[1])
        return more

    def restart(self) -> None:
        """Begin to count anew."""
        self._done = (0, 0)


# --- the index --------------------------------------------------------------------------------------------------


def _index_of(top: bytes, folders: dict[bytes, _Planned], rows: dict[bytes, Stamps], tree: ObjectId) -> Index:
    index = Index(head=tree)
    # The time of the file system: what was written just before it could still change under the same stamp.
    clock = max((changed for _, _, changed, _ in rows.values()), default=0)
    for path, planned in folders.items():
        descriptor = _entered(top, path)
        try:
            modified = changed_at(os.fstat(descriptor))
            folder = Folder.empty(NO_STAMP if is_recent(modified, clock) else modified)
            names = os.listdir(descriptor)
        finally:
            os.close(descriptor)
        for name in names:
            entry = planned.entries.get(os.fsencode(name))
            if entry is None:
                folder.append(name, IGNORED, 0, 0, 0, 0, UNKNOWN)
            elif entry.is_directory:
                folder.append(name, DIRECTORY, 0, 0, 0, 0, UNKNOWN)
            else:
                size, modified, changed, inode = rows[path + b"/" + entry.name if path else entry.name]
                stamp = NO_STAMP if is_recent(changed, clock) else modified
                folder.append(name, _KIND_BYTES[entry.kind], size, stamp, changed, inode, entry.id)
        if len(names) != len(planned.entries):
            # Something else is in the folder, `.sovr` at least: let the next look decide what it is.
            folder.modified = NO_STAMP
        folder.tree, folder.size = planned.tree, planned.size
        index.folders[os.fsdecode(path)] = folder
    return index
