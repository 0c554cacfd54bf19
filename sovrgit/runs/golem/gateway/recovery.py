"""Ending what a gateway left open that was killed, by its call log."""

from __future__ import annotations

from pathlib import Path

from sovrgit.errors import StorageFailure
from sovrgit.runs.golem.calls.record import CallLog, Masks, read_calls
from sovrgit.runs.golem.calls.seen import Seen
from sovrgit.runs.golem.calls.story import take
from sovrgit.runs.golem.gateway.book import Book
from sovrgit.runs.golem.gateway.daemon import Daemon
from sovrgit.runs.golem.gateway.ending import Ending
from sovrgit.runs.golem.gateway.upstream import Upstream
from sovrgit.store.files import reporting


def told_by(call_log: Path) -> tuple[Seen, int]:
    """What a call log tells, and the number of its last call.

    Raises:
        StorageFailure: if it cannot be read.
    """
    seen = Seen()
    last = 0
    for line in read_calls(call_log):
        take(seen, line)
        number = line.get("call")
        last = max(last, number) if isinstance(number, int) else last
    return seen, last


def make_way(call_log: Path) -> None:
    """Remove the log of an earlier run, unless that left something open.

    Raises:
        StorageFailure: if it did, or the log cannot be read or removed.
    """
    if not call_log.exists():
        return
    if not told_by(call_log)[0].is_clean():
        reason = "it is the log of an earlier run that left something open at the daemon, which must be ended first"
        raise StorageFailure(path=call_log, reason=reason)
    with reporting(call_log):
        call_log.unlink()


def settle_from(call_log: Path, upstream: str, app_key: str, patience: float = 30.0) -> tuple[str, ...]:
    """End what the log of a gateway says is open, after that gateway was killed. Can be repeated.

    Args:
        patience: seconds after which it is given up.

    Returns:
        What could not be ended, in words.

    Raises:
        ValueError: if address or key have a wrong form.
        ReadOnly, StorageFull, StorageFailure: if the log cannot be read, or added to.
    """
    seen, last = told_by(call_log)
    if seen.is_clean():
        return ()
    daemon = Upstream(upstream, app_key)
    log = CallLog(call_log)
    try:
        book = Book(log, Masks(app_key), lambda news: None, seen)
        left = Ending(book, Daemon(daemon, book, last + 1)).settle(patience)
        book.sync()
        return left
    finally:
        daemon.close()
        log.close()
