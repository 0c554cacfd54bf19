"""Locks for file systems that have none: numbered files, of which the one with the highest number says who holds it.

To take the lock is to create the next number, which the file system lets one process do, and only while the highest
is free: let go of, or of a process that has ended. A number is never used twice, so that a process that has looked and
then slept cannot take what was let go of and taken again meanwhile: afterwards it finds a higher number than its own,
and steps back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

from sovrgit.store.files import reporting, write_all
from sovrgit.store.processes import Holder

WRITING = 5.0
"""Seconds after which a claim that says nothing is one whose process was killed when it had just made it."""

_FREE = b"-"
"""First byte of a claim that was let go of: it takes the place of a digit, which needs no space on a full disk."""

_KEPT = 2
"""Numbers below the own one that are not removed, so that whoever lists the folder meanwhile sees one of them."""


class Claim:
    """The lock of one block or process, in the files `PATH.1`, `PATH.2` and so on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine: Path | None = None
        self._silent: tuple[int, float] | None = None

    def take(self) -> bool:
        """Take the lock, if nobody has it.

        Raises:
            StorageFull, ReadOnly, StorageFailure: if a file cannot be made.
        """
        with reporting(self._path):
            number = max(self._numbers(), default=0)
            if number and not self._is_free(number):
                return False
            if not self._create(number + 1):
                return False
            numbers = self._numbers()
            if max(numbers) != number + 1:
                self._drop(number + 1)
                return False
            self._mine = self._file(number + 1)
            for old in numbers:
                if old < number + 1 - _KEPT:
                    self._drop(old)
        return True

    def release(self) -> None:
        """Let go of it. If that fails, others see that this process has ended, when it has."""
        mine, self._mine = self._mine, None
        if mine is not None:
            with contextlib.suppress(OSError), mine.open("r+b", buffering=0) as file:
                file.write(_FREE)

    @property
    def is_mine(self) -> bool:
        """Whether it was taken here."""
        return self._mine is not None

    def holder(self) -> Holder | None:
        """Who has it, if that can be read and has not ended."""
        number = max(self._numbers(), default=0)
        holder = Holder.read(self._read(number)) if number else None
        return None if holder is None or holder.is_gone else holder

    def remedy(self) -> str | None:
        """What to do if the holder is on another machine, of which nobody here knows whether it still runs."""
        holder = self.holder()
        if holder is None or not holder.is_elsewhere:
            return None
        file = self._file(max(self._numbers(), default=0))
        return f"wait for it to finish; if that machine has been switched off, remove `{file}`"

    def is_free(self) -> bool:
        """Whether nobody has it at this moment."""
        number = max(self._numbers(), default=0)
        return not number or self._is_free(number)

    def _is_free(self, number: int) -> bool:
        data = self._read(number)
        if data.startswith(_FREE):
            return True
        holder = Holder.read(data)
        if holder is not None:
            return holder.is_gone
        if self._silent is None or self._silent[0] != number:
            self._silent = (number, time.monotonic())
        return time.monotonic() - self._silent[1] >= WRITING

    def _create(self, number: int) -> bool:
        try:
            descriptor = os.open(self._file(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            return False
        try:
            write_all(descriptor, Holder.me().encode())
        except OSError:
            self._drop(number)  # a full disk: nobody was told that it is taken
            raise
        finally:
            os.close(descriptor)
        return True

    def _numbers(self) -> list[int]:
        start = f"{self._path.name}."
        ends = [name[len(start) :] for name in os.listdir(self._path.parent) if name.startswith(start)]
        return [int(end) for end in ends if end.isdecimal() and len(end) < 19]

    def _file(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _read(self, number: int) -> bytes:
        try:
            with self._file(number).open("rb", buffering=0) as file:
                return file.read(1024) or b""
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):  # it was removed, and there is a higher one
                return b""
            raise

    def _drop(self, number: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._file(number).unlink()
