"""Threads that transfer packs side by side."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


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


def in_order(pool: ThreadPoolExecutor, do: Callable[[_T], _R], items: Iterable[_T], ahead: int) -> Iterator[_R]:
    """What a function returns for each item, in their order.

    Args:
        ahead: items that may be waiting or done before the first of them is asked for. There may be very many, if
            somebody says so; and if one fails, the rest need not begin.
    """
    waiting: deque[Future[_R]] = deque()
    for item in items:
        waiting.append(pool.submit(do, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
