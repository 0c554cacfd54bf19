"""yapapi's waits, shortened in this process only, which is ours and runs no script of anybody else.

yapapi 0.13.1 starts at most one worker every 2 s (`worker_starter` in `yapapi/executor`), so that eight providers are
at work after 16 s only, and looks after a batch that is silent only every 3 s (`PollingBatch` in
`yapapi/rest/activity.py`). A worker that failed takes a place until the main loop of the executor looks, after 10 s if
nothing else happens. At its end it waits 30 s for the invoices of providers that have gone. All these are numbers in
the middle of functions; what can be replaced is the name `asyncio` in those modules.
"""

from __future__ import annotations

import asyncio
from typing import Any

TICK = 0.05
"""Seconds between two looks for a provider that can be given work. A look without offers costs next to nothing."""

_STARTER_TICK = 2
_SILENCE = 3
_MAIN_LOOP = 10
_INVOICES = 30


class _Asyncio:
    """The module `asyncio`, but for some waits."""

    def __init__(self, waits: dict[int, float], longest: float | None = None) -> None:
        self._waits = waits
        self._longest = longest

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float, result: Any = None) -> Any:
        # Only whole numbers are meant: an interval after an error is 3.0.
        return await asyncio.sleep(self._waits.get(delay, delay) if type(delay) is int else delay, result)

    async def wait(self, tasks: Any, *, timeout: float | None = None, return_when: str = asyncio.ALL_COMPLETED) -> Any:
        if timeout == _MAIN_LOOP and return_when == asyncio.FIRST_COMPLETED:
            timeout = 4 * TICK
        return await asyncio.wait(tasks, timeout=timeout, return_when=return_when)

    async def wait_for(self, future: Any, timeout: float | None) -> Any:
        if self._longest is not None and timeout == _INVOICES:
            timeout = self._longest
        return await asyncio.wait_for(future, timeout)


def hasten(invoice_seconds: float) -> None:
    """Do so, for all of this process. `invoice_seconds` is how long invoices are waited for at the end."""
    import yapapi.engine
    import yapapi.executor
    import yapapi.rest.activity

    yapapi.executor.asyncio = _Asyncio({_STARTER_TICK: TICK})
    yapapi.rest.activity.asyncio = _Asyncio({_SILENCE: 10 * TICK})
    yapapi.engine.asyncio = _Asyncio({}, invoice_seconds)
