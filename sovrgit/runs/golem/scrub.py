"""Taking keys out of everything that is shown or kept: out of streams, and out of the files that a run has left."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from sovrgit.runs.executor import Stream
from sovrgit.store.files import reporting, temporary_name, write_all

_PIECE = 1 << 20
_MASK = b"*"


class Scrubber:
    """Puts as many asterisks in the place of each secret, so that formats with offsets in them stay whole.

    Memory is a few times 1 MiB, whatever is scrubbed.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: one may be the beginning of another.
        self._secrets = sorted({one.encode() for one in secrets if one}, key=len, reverse=True)
        self._keep = max(map(len, self._secrets), default=1) - 1
        self._held: dict[Stream, bytes] = {}

    def text(self, text: str) -> str:
        """A text without the secrets."""
        return self._clean(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def feed(self, stream: Stream, data: bytes) -> bytes:
        """What of a stream may be passed on now: not what could be the beginning of a secret."""
        data = self._clean(self._held.pop(stream, b"") + data)
        held = self._beginning(data)
        if held:
            self._held[stream] = data[-held:]
            return data[:-held]
        return data

    def rest(self) -> Mapping[Stream, bytes]:
        """What is still held back of streams that have ended: no secret, as it did not go on."""
        held, self._held = self._held, {}
        return held

    def folder(self, folder: Path, scratch: Path) -> list[Path]:
        """Scrub all files in a folder; those that had secrets in them are replaced, and told.

        Links are not followed, and a file with several names is parted from what is not here.

        Args:
            scratch: a folder on the same file system, for files that are being written.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        found = []
        with reporting(folder):
            for place, _, names in os.walk(folder, onerror=_raise):
                for name in names:
                    path = Path(place, name)
                    if self._file(path, scratch):
                        found.append(path)
        return found

    def _file(self, path: Path, scratch: Path) -> bool:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        # Whoever may not read a file may not commit it either: that is reported there.
        with contextlib.suppress(PermissionError), path.open("rb") as file:
            if not self._has_secret(file.fileno()):
                return False
            about = os.fstat(file.fileno())
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            temporary = temporary_name(scratch, "scrubbed")
            try:
                self._copy(file.fileno(), temporary)
                os.chmod(temporary, stat.S_IMODE(about.st_mode))
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            return True
        return False

    def _has_secret(self, descriptor: int) -> bool:
        tail = b""
        while piece := os.read(descriptor, _PIECE):
            window = tail + piece
            if any(secret in window for secret in self._secrets):
                return True
            tail = window[-self._keep :] if self._keep else b""
        return False

    def _copy(self, source: int, target: Path) -> None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            tail = b""
            while piece := os.read(source, _PIECE):
                window = self._clean(tail + piece)
                cut = len(window) - self._beginning(window)
                write_all(descriptor, window[:cut])
                tail = window[cut:]
            write_all(descriptor, tail)
        finally:
            os.close(descriptor)

    def _clean(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, _MASK * len(secret))
        return data

    def _beginning(self, data: bytes) -> int:
        """How many bytes at the end could be the beginning of a secret."""
        for length in range(min(self._keep, len(data)), 0, -1):
            end = data[-length:]
            if any(len(secret) > length and secret.startswith(end) for secret in self._secrets):
                return length
        return 0


def _raise(error: OSError) -> None:
    raise error
