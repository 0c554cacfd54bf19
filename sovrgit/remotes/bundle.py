"""A bundle: a pod in one file, to be carried about, mailed or archived. A remote to clone and fetch from.

magic      8 bytes   "SOVRBNDL"
version    4 bytes   1, little-endian
length     4 bytes   of the manifest, little-endian
manifest             as a remote has it, with nothing left to other places
packs                in the order of the manifest, each as long as it says
hash       32 bytes  BLAKE3 of everything before it
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from blake3 import blake3

from sovrgit.errors import IntegrityFailure, ObjectInvalid, RemoteDamaged, RemoteUnavailable, Unsupported
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import ID_SIZE, ObjectId
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.store.files import reporting, storage_error, sync_folder, temporary_name, write_all

MAGIC = b"SOVRBNDL"
_VERSION = 1
_HEADER = struct.Struct("<8sII")
_PIECE = 4 << 20


class BundleRemote:
    """A bundle as a place to read from."""

    kind: ClassVar[str] = "bundle"
    keeps_chain: ClassVar[bool] = False
    answers_vary: ClassVar[bool] = False
    is_far: ClassVar[bool] = False
    downloads_at_once: ClassVar[int] = 2
    has_ranges: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.location = os.path.abspath(path)
        self._places: dict[ObjectId, tuple[int, int]] | None = None

    def describe(self) -> str:
        return self.location

    def close(self) -> None:
        """There is nothing to let go of."""

    def at(self, origin: str) -> BundleRemote:
        raise RemoteDamaged(remote=self.location, reason="its manifest names packs in another place")

    def writing(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def read_manifest(self) -> bytes | None:
        with self.opened() as descriptor:
            return self._manifest(descriptor)[0]

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        raise self._read_only()

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        raise self._read_only()

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        with self.opened() as descriptor:
            place = self._place(descriptor, pack)
            if place is None or place[1] != size:
                return False
            hasher = blake3()
            for data in _pieces(descriptor, *place):
                hasher.update(data)
            return hasher.digest() == pack

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        with self.opened() as descriptor:
            place = self._place(descriptor, pack)
            if place is None:
                raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there")
            try:
                outside = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
                try:
                    for data in _pieces(descriptor, place[0], min(place[1], size)):
                        write_all(outside, data)
                        advance(len(data))
                finally:
                    os.close(outside)
            except OSError as error:
                raise storage_error(error, target.parent) from error

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        with self.opened() as descriptor:
            place = self._place(descriptor, pack)
            if place is None:
                raise RemoteDamaged(remote=self.location, reason=f"pack {pack.short} is not there")
            length = max(min(length, place[1] - offset), 0)
            return b"".join(_pieces(descriptor, place[0] + offset, length))

    def _place(self, descriptor: int, pack: ObjectId) -> tuple[int, int] | None:
        """Offset and length of a pack in the file."""
        if self._places is None:
            data, offset = self._manifest(descriptor)
            try:
                packs = Manifest.decode(data).packs
            except ObjectInvalid as error:
                raise RemoteDamaged(remote=self.location, reason=error.message) from error
            places = {}
            for entry in packs:
                places[entry.id] = (offset, entry.size)
                offset += entry.size
            self._places = places
        return self._places.get(pack)

    def _manifest(self, descriptor: int) -> tuple[bytes, int]:
        """The manifest, and where the packs begin."""
        header = os.pread(descriptor, _HEADER.size, 0)
        if len(header) < _HEADER.size or not header.startswith(MAGIC):
            raise RemoteUnavailable(location=self.location, reason="it is no bundle")
        _, version, length = _HEADER.unpack(header)
        if version != _VERSION:
            raise Unsupported(what=f"the bundle `{self.location}`", reason="a newer version of sovr has made it")
        data = os.pread(descriptor, length, _HEADER.size) if length <= MAX_METADATA_SIZE else b""
        if len(data) != length:
            raise RemoteDamaged(remote=self.location, reason="its manifest is cut off or too large")
        return data, _HEADER.size + length

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of the file, for the length of a block.

        Raises:
            RemoteUnavailable: if it is not there, or no file.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise RemoteUnavailable(location=self.location, reason="there is no such file") from error
            raise storage_error(error, self._path) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RemoteUnavailable(location=self.location, reason="it is no bundle")
            yield descriptor
        finally:
            os.close(descriptor)

    def _read_only(self) -> Unsupported:
        return Unsupported(
            what=f"pushing into the bundle `{self.location}`",
            reason="a bundle is written once",
            hint="`sovr bundle create FILE` makes a new one",
        )


def is_bundle(path: Path) -> bool:
    """Whether a path is a file that begins as a bundle does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(descriptor, len(MAGIC)) == MAGIC
    except OSError:  # a folder
        return False
    finally:
        os.close(descriptor)


def write_bundle(target: Path, manifest: Manifest, packs: Sequence[Path], progress: Progress = SILENT) -> None:
    """Make one file of packs. It takes its name when it is complete and on the disk.

    Args:
        packs: the files of the packs that the manifest names, in its order.

    Raises:
        IntegrityFailure: if a pack is not what it should be; nothing is left behind.
        StorageFull, ReadOnly, StorageFailure: the same.
    """
    temporary = temporary_name(target.parent, f".{target.name}")
    hasher = blake3()
    progress.begin("writing", sum(pack.size for pack in manifest.packs), "bytes")
    try:
        with reporting(target):
            outside = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                for piece in _content(manifest, packs):
                    write_all(outside, piece)
                    hasher.update(piece)
                    progress.advance(len(piece))
                write_all(outside, hasher.digest())
                os.fsync(outside)
            finally:
                os.close(outside)
            os.replace(temporary, target)
            sync_folder(target.parent)
    finally:
        progress.end()
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _content(manifest: Manifest, packs: Sequence[Path]) -> Iterator[bytes]:
    data = manifest.encode()
    yield _HEADER.pack(MAGIC, _VERSION, len(data)) + data
    for pack, path in zip(manifest.packs, packs, strict=True):
        hasher = blake3()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for piece in _pieces(descriptor, 0, pack.size):
                hasher.update(piece)
                yield piece
        finally:
            os.close(descriptor)
        if hasher.digest() != pack.id:
            raise IntegrityFailure(what=f"pack {pack.id.short}", reason="its hash is another")


def verify_bundle(path: Path, progress: Progress = SILENT) -> tuple[Manifest, int]:
    """Read a whole bundle and compare it with its hashes; what it holds, and its size in bytes.

    That everything in it hangs together is seen when it is fetched from: then every object is hashed, too.

    Raises:
        RemoteUnavailable: if it is no bundle.
        RemoteDamaged: if it is cut off or damaged.
        Unsupported: if a newer version has made it.
    """
    remote = BundleRemote(path)
    data = remote.read_manifest()
    assert data is not None
    try:
        manifest = Manifest.decode(data)
    except ObjectInvalid as error:
        raise RemoteDamaged(remote=remote.location, reason=error.message) from error
    end = _HEADER.size + len(data) + sum(pack.size for pack in manifest.packs)
    progress.begin("reading", end, "bytes")
    try:
        with remote.opened() as descriptor:
            if os.fstat(descriptor).st_size != end + ID_SIZE:
                raise RemoteDamaged(remote=remote.location, reason="it is cut off, or something was added to it")
            whole = blake3()
            whole.update(os.pread(descriptor, _HEADER.size + len(data), 0))
            offset = _HEADER.size + len(data)
            for pack in manifest.packs:
                _check_pack(descriptor, remote, pack, offset, whole, progress)
                offset += pack.size
            if os.pread(descriptor, ID_SIZE, end) != whole.digest():
                raise RemoteDamaged(remote=remote.location, reason="its hash is another")
    finally:
        progress.end()
    return manifest, end + ID_SIZE


def _check_pack(
    descriptor: int, remote: BundleRemote, pack: PackEntry, offset: int, whole: blake3, progress: Progress
) -> None:
    hasher = blake3()
    for data in _pieces(descriptor, offset, pack.size):
        hasher.update(data)
        whole.update(data)
        progress.advance(len(data))
    if hasher.digest() != pack.id:
        raise RemoteDamaged(remote=remote.location, reason=f"pack {pack.id.short} in it is damaged")


def _pieces(descriptor: int, offset: int, length: int) -> Iterator[bytes]:
    end = offset + length
    while offset < end:
        data = os.pread(descriptor, min(_PIECE, end - offset), offset)
        if not data:
            return
        offset += len(data)
        yield data
