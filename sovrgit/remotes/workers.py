"""Threads that transfer packs side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def workers(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads for the length of a block. If it fails, what has not begun does not begin, and the rest is waited for.

    Nothing is waited for if the user interrupts it: a server that has stopped answering would keep them for minutes.
    What still runs then changes nothing that counts, since packs are put into place whole and verified.
    """
    pool = ThreadPoolExecutor(count, name)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()
