"""A folder in the place of Swarm: feeds, blobs and chunks, seen alike by all sessions.

    format                 says what the folder is
    lock                   held by the stand-in that serves it
    feeds/ADDRESS/HASH     what was written about a path by the owner with this address, a line each time
    blobs/XX/REFERENCE     the bytes of a file; that a block was lost is said in REFERENCE.lost
    chunks/REFERENCE       what a sharing reference stands for
    names/HASH.json        the users
    incoming/              uploads that are not complete; emptied at the start

A file takes its name when it is complete, and a line counts when it ends, so a killed server loses at most what it had
not answered. As on Swarm, nothing is ever removed: what was overwritten or deleted stays in the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from sovrgit.devnet.fairos.blobs import Blobs
from sovrgit.devnet.fairos.causes import NO_REFERENCE, NO_SUCH_BLOB, Cause, damaged
from sovrgit.devnet.fairos.faults import Kind, now
from sovrgit.devnet.fairos.feeds import Feeds
from sovrgit.devnet.fairos.metadata import compact
from sovrgit.errors import DevnetFailed
from sovrgit.store.files import reporting, write_atomic

FORMAT = b"sovrgit fairos stand-in 1\n"
_REFERENCE = 32
"""Bytes of a reference; one that contains a key is twice as long."""


class Network:
    """What is stored. One object in one process serves a folder at a time.

    Attributes:
        feeds: what was written about paths.
        blobs: the bytes of files.
    """

    def __init__(self, folder: Path) -> None:
        """Take hold of a folder, and make it if there is none.

        Raises:
            DevnetFailed: if another stand-in serves it, or it holds something else.
            ReadOnly, StorageFull, StorageFailure: if it cannot be used.
        """
        self.folder = folder
        self.feeds = Feeds(folder / "feeds")
        self.blobs = Blobs(folder / "blobs", folder / "incoming")
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
            raise damaged(path.parent.name) from error

    def shared_pod(self, reference: bytes) -> dict[str, str]:
        """What a pod's sharing reference stands for. That of something else is taken for one of an empty pod.

        Raises:
            Cause: if it stands for nothing.
        """
        info = self.chunk(reference)
        return {name: str(info.get(name, "")) for name in ("podName", "podAddress", "password", "userAddress")}

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
            raise damaged(path.parent.name) from error

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


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _of_a_start(name: str) -> bool:
    """Whether a stand-in that was killed while it started may have left this."""
    return name == "lock" or name.startswith(".new-")
