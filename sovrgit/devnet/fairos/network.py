"""A folder in the place of Swarm: feeds, blobs and chunks, seen alike by all sessions.

    format                     says what the folder is
    lock                       held by the stand-in that serves it
    feeds/ADDRESS/HASH     what was written about a path by the owner with this address, a line each time
    blobs/XX/REFERENCE     the bytes of a file; that a block was lost is said in REFERENCE.lost
    chunks/REFERENCE       what a sharing reference stands for
    names/HASH.json        the users
    incoming/              uploads that are not complete; emptied at the start

A file takes its name when it is complete, and a line counts when it ends, so a killed server loses at most what it had
not answered. As on Swarm, nothing is ever removed: what was overwritten or deleted stays in the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sovrgit.devnet.fairos.causes import (
    DELETED_FEED,
    NO_REFERENCE,
    NO_SUCH_BLOB,
    NO_SUCH_FEED,
    NOT_JSON,
    TOO_BIG_A_CHUNK,
    TOO_MUCH_METADATA,
    Cause,
)
from sovrgit.devnet.fairos.faults import Kind, now
from sovrgit.devnet.fairos.metadata import FileMeta, compact
from sovrgit.devnet.fairos.paths import INDEX, base
from sovrgit.errors import DevnetFailed
from sovrgit.store.files import reporting, write_all, write_atomic

FORMAT = b"sovrgit fairos stand-in 1\n"
_TAIL = 256 << 10
"""Bytes of the end of a feed that are read: the last sixty versions at least."""

_REFERENCE = 32
"""Bytes of a reference; one that contains a key is twice as long."""

_CHUNK = 4096
_ENCRYPTION = 16
"""Bytes by which encryption lengthens what is written to a feed."""


class Blob(NamedTuple):
    """The bytes of a file. `lost` is the number of the first block that is not there.

    `quiet` says that the list of blocks ends before it, so that reading comes to an end instead of failing.
    """

    path: Path
    size: int
    lost: int | None = None
    quiet: bool = False


class Network:
    """What is stored. One object in one process serves a folder at a time."""

    def __init__(self, folder: Path) -> None:
        """Take hold of a folder, and make it if there is none.

        Raises:
            DevnetFailed: if another stand-in serves it, or it holds something else.
            ReadOnly, StorageFull, StorageFailure: if it cannot be used.
        """
        self.folder = folder
        self._lock = threading.Lock()
        with reporting(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Asked before anything is written: it may be somebody's home.
            if not (folder / "format").exists() and any(not _of_a_start(entry.name) for entry in folder.iterdir()):
                raise DevnetFailed(
                    reason=f"`{folder}` holds something else than a stand-in's data",
                    hint="choose an empty or a new folder with `--folder`",
                )
            self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take_hold()
        except BaseException:
            self.close()
            raise

    def _take_hold(self) -> None:
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevnetFailed(
                reason=f"`{self.folder}` is served by another stand-in", hint="choose another folder with `--folder`"
            ) from None
        stamp = self.folder / "format"
        with reporting(self.folder):
            if not stamp.exists():
                write_atomic(stamp, FORMAT)
            if stamp.read_bytes() != FORMAT:
                raise DevnetFailed(
                    reason=f"`{stamp}` does not say what this version expects",
                    hint="the data is of another version, or damaged; choose another folder with `--folder`",
                )
            for name in ("feeds", "blobs", "chunks", "names", "incoming"):
                (self.folder / name).mkdir(exist_ok=True, mode=0o700)
            for left in (self.folder / "incoming").iterdir():
                left.unlink()

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._held)

    # --- feeds --------------------------------------------------------------------------------------------------

    def read(self, address: str, path: str, password: str) -> FileMeta:
        """What was last written about a path.

        Raises:
            Cause: `NO_SUCH_FEED` if nothing ever was, `DELETED_FEED` if it was deleted, `NOT_JSON` if it was written
                under another password.
        """
        if now(Kind.UNREADABLE):
            raise Cause(NO_SUCH_FEED)
        place = self._feed(address, path)
        versions = self._versions(place)
        if not versions:
            raise Cause(NO_SUCH_FEED)
        stale = now(Kind.STALE)
        # If there are not as many versions, the oldest one is read.
        at = max(len(versions) - 1 - (stale.much(1) if stale else 0), 0)
        try:
            key, value = json.loads(versions[at])
        except (ValueError, TypeError) as error:
            raise self._damaged(place) from error
        if value is None:
            raise Cause(DELETED_FEED)
        if key != _key(password):
            raise Cause(NOT_JSON)
        return FileMeta.parse(value)

    def update(self, address: str, path: str, password: str, meta: FileMeta | None) -> None:
        """Write about a path; None deletes.

        Raises:
            Cause: if that is too long.
        """
        if now(Kind.LOST_UPDATE) and base(path) != INDEX:
            return
        self._write(address, path, password, meta, only_new=False)

    def create(self, address: str, path: str, password: str, meta: FileMeta) -> None:
        """Write about a path for the first time. If it is not, then nobody will see it: what there is comes later.

        Raises:
            Cause: if that is too long.
        """
        self._write(address, path, password, meta, only_new=True)

    def _write(self, address: str, path: str, password: str, meta: FileMeta | None, *, only_new: bool) -> None:
        document = None if meta is None else meta.document()
        length = 0 if document is None else len(compact(document))
        if length > _CHUNK:
            raise Cause(TOO_MUCH_METADATA)
        if length > _CHUNK - _ENCRYPTION:
            raise Cause(TOO_BIG_A_CHUNK)
        place = self._feed(address, path)
        with self._lock:
            if only_new and place.exists():
                return
            place.parent.mkdir(exist_ok=True, mode=0o700)
            # Appending is a tenth of the work of replacing, which makes file systems write to the disk at once.
            descriptor = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                end = os.fstat(descriptor).st_size
                torn = end and os.pread(descriptor, 1, end - 1) != b"\n"
                write_all(descriptor, b"\n" * bool(torn) + compact([_key(password), document]) + b"\n")
            finally:
                os.close(descriptor)

    def _feed(self, address: str, path: str) -> Path:
        return self.folder / "feeds" / address / _hash(path)

    def _versions(self, place: Path) -> list[bytes]:
        """The last lines of a feed, the newest at the end. What a crash has torn is no line."""
        try:
            with place.open("rb") as file:
                begin = max(os.fstat(file.fileno()).st_size - _TAIL, 0)
                file.seek(begin)
                # Up to the first line end is the rest of a line that begins before.
                return file.read().split(b"\n")[1 if begin else 0 : -1]
        except FileNotFoundError:
            return []

    # --- blobs --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A name for a file that is being received; whatever is not stored is removed at the end."""
        path = self.folder / "incoming" / os.urandom(8).hex()
        try:
            yield path
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def store(self, received: Path, block_size: int) -> str:
        """Keep a file that was received; its reference, 128 hexadecimal digits that were never used before."""
        reference, path = self._new_blob()
        blocks = -(-received.stat().st_size // block_size)
        hole, short = now(Kind.HOLE), now(Kind.SHORT_UPLOAD)
        if blocks and (hole or short):
            lost = min(hole.much(0), blocks - 1) if hole else blocks - 1
            mark = compact({"lost": lost, "quiet": not hole})
            write_atomic(path.with_suffix(".lost"), mark, mode=0o600, sync=False)
        os.rename(received, path)
        return reference

    def store_bytes(self, data: bytes) -> str:
        """Keep some bytes; their reference."""
        reference, path = self._new_blob()
        write_atomic(path, data, mode=0o600, sync=False)
        return reference

    def copy(self, reference: str) -> str:
        """Keep the same bytes once more, under a reference of their own."""
        blob = self.blob(reference)
        copied, path = self._new_blob()
        os.link(blob.path, path)
        return copied

    def blob(self, reference: str) -> Blob:
        """Where the bytes of a file are.

        Raises:
            Cause: if there are none.
        """
        path = self._blob(reference)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise Cause(NO_SUCH_BLOB) from None
        lost = path.with_suffix(".lost")
        try:
            mark = json.loads(lost.read_bytes())
            return Blob(path, size, int(mark["lost"]), bool(mark["quiet"]))
        except FileNotFoundError:
            return Blob(path, size)
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(lost) from error

    def _new_blob(self) -> tuple[str, Path]:
        reference = os.urandom(64).hex()
        path = self._blob(reference)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        return reference, path

    def _blob(self, reference: str) -> Path:
        return self.folder / "blobs" / reference[:2] / reference

    # --- chunks -------------------------------------------------------------------------------------------------

    def put_chunk(self, data: bytes, *, encrypted: bool = False) -> str:
        """Keep what a sharing reference stands for: its hash, or if it is encrypted, a reference for this time only."""
        reference = os.urandom(64).hex() if encrypted else hashlib.sha256(data).hexdigest()
        path = self.folder / "chunks" / reference
        if not path.exists():
            write_atomic(path, data, mode=0o600, sync=False)
        return reference

    def chunk(self, reference: bytes) -> dict[str, Any]:
        """What a sharing reference stands for.

        Raises:
            Cause: if it stands for nothing.
        """
        if len(reference) not in (_REFERENCE, 2 * _REFERENCE):
            raise Cause(NO_REFERENCE)
        if now(Kind.UNREADABLE):
            raise Cause(NO_SUCH_BLOB)
        path = self.folder / "chunks" / reference.hex()
        try:
            found = json.loads(path.read_bytes())
            if not isinstance(found, dict):
                raise ValueError("not an object")
            return found
        except FileNotFoundError:
            raise Cause(NO_SUCH_BLOB) from None
        except ValueError as error:
            raise self._damaged(path) from error

    # --- users --------------------------------------------------------------------------------------------------

    def user(self, name: str) -> dict[str, Any] | None:
        """What is known of a user; None if there is none of this name."""
        path = self._user(name)
        try:
            found = json.loads(path.read_bytes())
            if not isinstance(found, dict):
                raise ValueError("not an object")
            return found
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._damaged(path) from error

    def put_user(self, name: str, record: dict[str, str]) -> bool:
        """Remember a user; whether that was possible: a name belongs to the address that was there first."""
        with self._lock:
            known = self.user(name)
            if known is not None and known.get("address") != record["address"]:
                return False
            write_atomic(self._user(name), compact({"name": name, **record}), mode=0o600, sync=False)
        return True

    def _user(self, name: str) -> Path:
        return self.folder / "names" / f"{_hash(name)}.json"

    def _damaged(self, path: Path) -> Cause:
        return Cause(f"the stand-in's folder is damaged: {path.relative_to(self.folder).parts[0]}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _key(password: str) -> str:
    """What tells whether something was written under a password."""
    return hashlib.sha256(password.encode()).hexdigest()[:16]


def _of_a_start(name: str) -> bool:
    """Whether a stand-in that was killed while it started may have left this."""
    return name == "lock" or name.startswith(".new-")
