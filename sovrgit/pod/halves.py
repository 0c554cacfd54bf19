"""Storing many files with two processes.

Reading small files holds the interpreter lock almost all the time, so threads would not help. A forked child stores
its share into packs of its own; the parent takes these into its session.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sovrgit.pod import secondprocess
from sovrgit.pod.index import Folder
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.session import WriteSession

WORTHWHILE = 5_000
"""Files from which a second process pays: it costs about 10 ms."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a child has done: the folders it was given, with their ids, and its packs."""

    folders: dict[str, Folder]
    packs: list[FinishedPack]
    objects: int
    size: int


@contextlib.contextmanager
def storing_in_child(
    session: WriteSession, separate: WriteSession, store: Callable[[WriteSession], dict[str, Folder]]
) -> Iterator[Callable[[], Share | None]]:
    """Run `store` in a child for the length of a block, with a session of its own: what `session.separate()` gave.

    Yields:
        A function that waits for the child and gives what it has done; None if the child died, so that its share is
        still to be done.

    The function raises what `store` raised.
    """

    def work() -> Share:
        folders = store(separate)
        return Share(folders, separate.finish(), separate.new_objects, separate.new_bytes)

    process = 0
    try:
        with secondprocess.second_process(lambda: secondprocess.packed(work)) as child:
            process = child.process

            def result() -> Share | None:
                answer = child.answer()
                return None if answer is None else secondprocess.unpacked(answer, Share)

            yield result
    finally:
        session.remove_leftovers(process)
