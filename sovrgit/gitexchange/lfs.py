"""Pointers of Git LFS: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from sovrgit.objects.ids import Data
from sovrgit.store.files import reporting, temporary_name, write_all

MAX_POINTER = 1024
"""Bytes: a pointer is shorter, by its specification."""

_VERSION = b"version https://git-lfs.github.com/spec/v1\n"
_POINTER = re.compile(re.escape(_VERSION) + rb"(?:ext-.*\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n")
_QUOTED = re.compile(rb'[\\*?\[\]!#"]')
_ATTRIBUTES = b" filter=lfs diff=lfs merge=lfs -text\n"


def is_pointer(data: bytes) -> bool:
    """Whether a file stands for a larger one that LFS keeps elsewhere."""
    return len(data) < MAX_POINTER and data.startswith(_VERSION) and _POINTER.fullmatch(data) is not None


def pointer(digest: str, size: int) -> bytes:
    """The file that stands for one with this SHA-256 and size in bytes."""
    return _VERSION + f"oid sha256:{digest}\nsize {size}\n".encode()


def place_of(repository: Path, digest: str) -> Path:
    """Where LFS looks for a file with this SHA-256."""
    return repository / "lfs" / "objects" / digest[:2] / digest[2:4] / digest


def store(repository: Path, pieces: Iterable[Data]) -> str:
    """Put a file where LFS looks for it; its SHA-256.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    waiting = repository / "lfs" / "tmp"
    digest = sha256()
    with reporting(waiting):
        waiting.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(waiting, "sovr")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                for piece in pieces:
                    digest.update(piece)
                    write_all(descriptor, piece)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            place = place_of(repository, digest.hexdigest())
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return digest.hexdigest()


def attributes(present: bytes, paths: Iterable[bytes]) -> bytes:
    """The `.gitattributes` by which LFS handles these files, too: a line for each that has none yet."""
    lines = present.split(b"\n")
    known = {line.split(b" filter=lfs")[0] for line in lines if b" filter=lfs" in line}
    added = [pattern for path in sorted(paths) if (pattern := _pattern(path)) not in known]
    if not added:
        return present
    start = present if not present or present.endswith(b"\n") else present + b"\n"
    return start + b"".join(pattern + _ATTRIBUTES for pattern in added)


def _pattern(path: bytes) -> bytes:
    """The pattern that is this path and no other (gitattributes(5))."""
    text = b"/" + _QUOTED.sub(rb"\\\g<0>", path)
    if not any(byte <= 0x20 or byte >= 0x7F for byte in text):
        return text
    quoted = b"".join(
        b"\\" + bytes([byte]) if byte in b'"\\' else b"\\%03o" % byte if byte <= 0x20 or byte >= 0x7F else bytes([byte])
        for byte in text
    )
    return b'"' + quoted + b'"'
