"""Storing many files with two processes.

Reading small files holds the interpreter lock almost all the time, so threads would not help. A forked child stores
its share into packs of its own; the parent takes these into its session.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sovrgit.errors import SovrError
from sovrgit.pod.index import Folder
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.session import WriteSession

WORTHWHILE = 5_000
"""Files from which a second process pays: it costs about 10 ms."""

_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Share:
    """What a child has done: the folders it was given, with their ids, and its packs."""

    folders: dict[str, Folder]
    packs: list[FinishedPack]
    objects: int
    size: int


def can_fork() -> bool:
    """Whether a second process can be had: not while threads run, which a fork would cut off in the middle."""
    return hasattr(os, "fork") and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def split(paths: Sequence[str], weights: Sequence[int]) -> tuple[list[str], list[str]]:
    """The paths in two parts of about the same weight, each in the order given."""
    half, seen = 0, 0
    while half < len(paths) and seen < sum(weights) // 2:
        seen += weights[half]
        half += 1
    return list(paths[:half]), list(paths[half:])


@contextlib.contextmanager
def second_process(
    session: WriteSession, separate: WriteSession, store: Callable[[WriteSession], dict[str, Folder]]
) -> Iterator[Callable[[], Share | None]]:
    """Run `store` in a child for the length of a block, with a session of its own: what `session.separate()` gave.

    Yields:
        A function that waits for the child and gives what it has done; None if the child died, so that its share is
        still to be done.

    The function raises what `store` raised.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(separate, store, writer)
    os.close(writer)
    pipe = os.fdopen(reader, "rb")
    try:
        yield lambda: _answer(pipe.read())
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        pipe.close()
        os.waitpid(child, 0)
        session.remove_leftovers(child)


def _work(session: WriteSession, store: Callable[[WriteSession], dict[str, Folder]], writer: int) -> None:
    """The child's life. It never returns."""
    status = 1
    try:
        answer: Share | SovrError
        try:
            folders = store(session)
            answer = Share(folders, session.finish(), session.new_objects, session.new_bytes)
        except SovrError as error:
            answer = error
        data = pickle.dumps(answer)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(len(data).to_bytes(_LENGTH, "little") + data)
        status = 0
    finally:
        os._exit(status)


def _answer(data: bytes) -> Share | None:
    if len(data) < _LENGTH or int.from_bytes(data[:_LENGTH], "little") != len(data) - _LENGTH:
        return None
    answer: Share | SovrError = pickle.loads(data[_LENGTH:])  # our own child's words
    if isinstance(answer, SovrError):
        raise answer
    return answer
