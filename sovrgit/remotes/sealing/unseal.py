"""Opening sealed files: nothing is given out that was not proven to have been sealed with the key, as this file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sovrgit.errors import KeyNeeded, SealBroken
from sovrgit.objects.ids import SHORT_DIGITS
from sovrgit.remotes.sealing.form import (
    LENGTH_SIZE,
    SEAL_HEADER_SIZE,
    SEALED_SEGMENT_SIZE,
    SealHeader,
    SegmentCipher,
    decode_length,
    largest_sealed,
)
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import Label
from sovrgit.remotes.sealing.places import new_file, regular_file
from sovrgit.store.files import reporting, write_all

_PIECE = 1 << 20


class Unsealer:
    """Opens one sealed file, which comes in pieces of any size.

    What `write` is given is authentic and in order, but that it is all of it is known only when `finish` has returned:
    before that, nothing may rely on it.

    Args:
        write: takes what was sealed, piece by piece.
        limit: bytes that what was sealed may have.
        what: the file, for messages.
    """

    def __init__(
        self, key: PodKey, label: Label, write: Callable[[bytes], object], *, limit: int, what: str | None = None
    ) -> None:
        self._key = key
        self._label = label
        self._write = write
        self._limit = limit
        self._what = what or label.describe()
        self._room = largest_sealed(limit)
        self._usable = True
        self._pending = bytearray()
        self._cipher: SegmentCipher | None = None
        self._size: int | None = None
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the sealed file.

        Raises:
            KeyNeeded: if it is sealed with another key.
            SealBroken: if it is not sealed, was changed, is another file, or is larger than it may be.
            Unsupported: if it is of a later version.
        """
        with self._in_step():
            self._room -= len(data)
            if self._room < 0:
                raise self._broken("it is larger than it should be")
            self._pending += data
            if self._cipher is None and len(self._pending) >= SEAL_HEADER_SIZE:
                self._begin()
            # One byte more than a segment, or it may be the last one.
            while self._cipher and len(self._pending) > SEALED_SEGMENT_SIZE:
                self._open(self._cipher, SEALED_SEGMENT_SIZE, last=False)

    def finish(self) -> int:
        """The sealed file has ended: the size in bytes of what was sealed, all of which was written.

        Raises:
            KeyNeeded, SealBroken, Unsupported: as for `feed`, and if the end is missing.
        """
        with self._in_step():
            if self._cipher is None:
                self._begin()
            assert self._cipher
            self._open(self._cipher, len(self._pending), last=True)
            if self._size is None or self._left:
                raise self._broken("it holds less than it says")
        self._usable = False
        return self._size

    def _begin(self) -> None:
        header = SealHeader.decode(bytes(self._pending[:SEAL_HEADER_SIZE]), self._what)
        own = self._key.fingerprint
        if header.fingerprint != own:
            found, given = header.fingerprint[:SHORT_DIGITS], own[:SHORT_DIGITS]
            reason = f"it is sealed with the key {found}…, and the one known here is {given}…"
            raise KeyNeeded(what=self._what, reason=reason)
        self._cipher = SegmentCipher(self._key, self._label, header)
        del self._pending[:SEAL_HEADER_SIZE]

    def _open(self, cipher: SegmentCipher, length: int, *, last: bool) -> None:
        plaintext = cipher.decrypt(self._pending[:length], last=last)
        if plaintext is None:
            raise self._broken("it was changed, cut off, or is another file than its name says")
        del self._pending[:length]
        start = 0
        if self._size is None:
            if len(plaintext) < LENGTH_SIZE:
                raise self._broken("it does not say its size")
            self._size = self._left = decode_length(plaintext)
            start = LENGTH_SIZE
            if self._size > self._limit:
                raise self._broken(f"it holds {self._size} bytes, and {self._limit} are the most that it may")
        data, rest = plaintext[start : start + self._left], plaintext[start + self._left :]
        if rest.count(0) != len(rest):
            raise self._broken("there is something behind its end")
        self._left -= len(data)
        if data:
            self._write(data)

    @contextlib.contextmanager
    def _in_step(self) -> Iterator[None]:
        """Once something was refused, or could not be written, nothing is taken any more."""
        if not self._usable:
            raise self._broken("it was refused, or has ended, before")
        self._usable = False
        yield
        self._usable = True

    def _broken(self, reason: str) -> SealBroken:
        return SealBroken(what=self._what, reason=reason)


def unseal(source: Path, target: Path, key: PodKey, label: Label, *, limit: int, what: str | None = None) -> int:
    """Open a sealed file into a new file, which is not synced; the size in bytes of what was sealed.

    Args:
        limit: bytes that it may have.
        what: the file, for messages.

    Raises:
        KeyNeeded: if it is sealed with another key.
        SealBroken: if it is not sealed, was changed, is not whole, is another file, or larger than it may be.
        Unsupported: if it is of a later version.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports. In all cases nothing is left behind.
    """
    with new_file(target) as descriptor:
        unsealer = Unsealer(key, label, partial(write_all, descriptor), limit=limit, what=what)
        for piece in _pieces(source):
            unsealer.feed(piece)
        return unsealer.finish()


def unseal_bytes(data: bytes, key: PodKey, label: Label, *, limit: int, what: str | None = None) -> bytes:
    """What was sealed in a small file.

    Raises:
        KeyNeeded, SealBroken, Unsupported: as for `unseal`.
    """
    found = bytearray()
    unsealer = Unsealer(key, label, found.extend, limit=limit, what=what)
    unsealer.feed(data)
    unsealer.finish()
    return bytes(found)


def _pieces(source: Path) -> Iterator[bytes]:
    with reporting(source), regular_file(source) as file:
        while piece := file.read(_PIECE):
            yield piece
