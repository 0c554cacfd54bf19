"""Doing a part of the work in a second process, where the interpreter lock would keep threads from helping."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import struct
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO, Generic, TypeVar

from sovrgit.errors import SovrError

_LENGTH = 8
"""Bytes before an answer that say how long it is: an answer that was cut off is none."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Child:
    """A process that does a part of the work. It is ended with the block that it was made for.

    `process` is its number, 0 if there were no more processes or descriptors to be had.
    """

    def __init__(self, process: int = 0, pipe: BinaryIO | None = None) -> None:
        self.process = process
        self._pipe = pipe

    def answer(self) -> bytes | None:
        """What the child's work returned, once it is done; None if it died, so that the work is still to be done."""
        data = self._pipe.read() if self._pipe is not None else b""
        if len(data) < _LENGTH or int.from_bytes(data[:_LENGTH], "little") != len(data) - _LENGTH:
            return None
        return data[_LENGTH:]


def can_fork() -> bool:
    """Whether a second process can be had: not while threads run, which a fork would cut off in the middle."""
    return hasattr(os, "fork") and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def split(items: Sequence[Item], weights: Sequence[int]) -> tuple[list[Item], list[Item]]:
    """The items in two parts of about the same weight, each in the order given."""
    before = list(accumulate(weights, initial=0))
    half = bisect_left(before, before[-1] // 2)
    return list(items[:half]), list(items[half:])


class FromBothEnds(Generic[Item]):
    """Items that two processes take, one from each end, until they meet: the one that is faster does more.

    Each says which item it takes before it looks how far the other is. So none is left out; one may be taken by both.
    Made before the second process is.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        # How many were taken from the start, and how many are not taken from the end.
        self._taken = memoryview(mmap.mmap(-1, 16)).cast("Q")
        self._taken[1] = len(items)

    def from_start(self) -> Iterator[Item]:
        """Items from the first one on, until all are taken."""
        taken = self._taken
        for number, item in enumerate(self._items):
            taken[0] = number + 1
            if number >= taken[1]:
                return
            yield item

    def from_end(self) -> Iterator[Item]:
        """Items from the last one back, until all are taken; the one that both want is this side's."""
        taken = self._taken
        for number in range(len(self._items) - 1, -1, -1):
            taken[1] = number
            if number + 1 < taken[0]:
                return
            yield self._items[number]

    def others(self) -> Sequence[Item]:
        """What the side that began at the end took, or began to take."""
        return self._items[self._taken[1] :]


@contextlib.contextmanager
def second_process(work: Callable[[], bytes]) -> Iterator[Child]:
    """Do some work in a forked child for the length of a block. A failure in the block ends the child."""
    try:
        reader, writer = os.pipe()
    except OSError:
        yield Child()
        return
    try:
        process = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        yield Child()
        return
    if process == 0:
        # Or nobody would tell this process that the parent has stopped reading.
        os.close(reader)
        _live(work, writer)
    os.close(writer)
    pipe = os.fdopen(reader, "rb")
    try:
        yield Child(process, pipe)
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    finally:
        # Closed before the child is waited for, which could else wait for somebody to read what it writes.
        pipe.close()
        os.waitpid(process, 0)


def _live(work: Callable[[], bytes], writer: int) -> None:
    """The child's life. It never returns."""
    status = 1
    try:
        data = work()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(len(data).to_bytes(_LENGTH, "little") + data)
        status = 0
    finally:
        os._exit(status)


def packed(work: Callable[[], object]) -> bytes:
    """What some work returns, or the error that it raises, as an answer to send."""
    import pickle

    try:
        return pickle.dumps(work())
    except SovrError as error:
        return pickle.dumps(error)


def unpacked(answer: bytes, kind: type[Result]) -> Result:
    """What `packed` packed, in another process.

    Raises:
        SovrError: what the work raised.
    """
    import pickle

    result: object = pickle.loads(answer)  # our own child's words
    if isinstance(result, SovrError):
        raise result
    if not isinstance(result, kind):
        raise TypeError(f"a child answered with {type(result).__name__}")
    return result


class SharedProgress:
    """How far the other process is: two numbers in memory that both see. Use as a context manager."""

    _FORM = struct.Struct("=QQ")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._FORM.size)
        self._done = self._told = (0, 0)

    def __enter__(self) -> SharedProgress:
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
