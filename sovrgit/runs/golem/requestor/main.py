"""Run a declared job on Golem: `PYTHON main.py < PLAN`, an event a line on standard output (see `tell`).

SIGINT and SIGTERM end it in order: agreements are terminated, invoices waited for, the allocation released. The exit
code says how it went: 0 all tasks are done, 1 some are not, 2 it could not begin, 3 it was told to end. What the job
itself returned is in the events.
"""

from __future__ import annotations

import sys
import types
from importlib.metadata import distribution, version

from tell import tell  # first, as it takes standard output for itself


async def _run(plan: Plan) -> int:
    market = Market(plan)
    works = Works(plan, market)
    image = {f"image_{name}": value for name, value in plan.image.items()}
    package = await vm.repo(
        min_mem_gib=plan.memory_gib, min_storage_gib=plan.storage_gib, min_cpu_threads=plan.threads, **image
    )
    golem = Golem(
        budget=plan.budget,
        strategy=market,
        subnet_tag=plan.subnet,
        payment_driver=plan.driver,
        payment_network=plan.network,
        event_consumer=lambda event: None,  # the default one writes to the log, which is not read
    )
    _adapt(golem, market)
    async with golem:
        consuming = asyncio.current_task()
        guard = asyncio.get_running_loop().create_task(_guard(plan, market, works, consuming))
        try:
            results = golem.execute_tasks(
                works.worker,
                [Task(data=task) for task in plan.tasks],
                payload=package,
                max_workers=plan.workers,
                timeout=timedelta(seconds=plan.seconds),
                implicit_init=False,
            )
            async for _ in results:
                pass
        except asyncio.CancelledError:
            if not guard.done() or guard.cancelled() or not guard.result():
                raise
            uncancel = getattr(consuming, "uncancel", None)
            if uncancel is not None:
                uncancel()
        finally:
            guard.cancel()
    if works.left:
        reason = guard.result() if guard.done() and not guard.cancelled() else "the time of the job is up"
        tell("stopped", reason=reason)
    return 1 if works.left or works.given_up else 0


def _adapt(golem: Golem, market: Market) -> None:
    """Let the market see every event when it happens, and no provider end more than its own agreement.

    A consumer sees events through a queue, which may be too late. And when a provider sends debit notes too often,
    yapapi 0.13.1 cancels its worker, takes that for a cancellation of the whole job, and ends it without a word. What
    is accepted is decided by the amount (`Market`).
    """

    async def enforce(job: object, debit_note: object) -> bool:
        return True

    golem._engine._enforce_debit_note_intervals = enforce
    hand_on = golem._event_dispatcher.emit

    def emit(event: events.Event) -> None:
        market.watch(event)
        hand_on(event)

    golem._engine._event_consumer = emit


async def _guard(plan: Plan, market: Market, works: Works, consuming: asyncio.Task[int]) -> str:
    """Stop everything when there is no hope any more, or nobody who would take the results. Why."""
    parent = os.getppid()
    while True:
        await asyncio.sleep(0.2)
        reason = market.hopeless(plan.patience) if os.getppid() == parent else "who started it is gone"
        if reason and works.left:
            consuming.cancel()
            return reason


async def _until_told(plan: Plan) -> int:
    loop = asyncio.get_running_loop()
    running = loop.create_task(_run(plan))
    told: list[str] = []

    def stop(number: int) -> None:
        # Once: a second cancellation would interrupt the clean-up. Who is impatient kills.
        if not told:
            told.append(signal.Signals(number).name)
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await running
    except asyncio.CancelledError:
        tell("stopped", reason=f"told to end ({told[0] if told else 'cancelled'})")
        return 3


def main() -> int:
    """Do what the plan on standard input says."""
    plan = Plan.read(sys.stdin.read())
    hasten(plan.invoice_seconds)
    tell("started", yapapi=version("yapapi"), python=".".join(map(str, sys.version_info[:3])))
    try:
        return asyncio.run(_until_told(plan))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        tell("stopped", reason=_reason(error))
        return 2


def _reason(error: Exception) -> str:
    body = getattr(error, "body", None)  # of an ApiException: what the daemon says about it
    if body:
        try:
            return f"the daemon refused: {json.loads(body)['message']}"
        except (ValueError, KeyError, TypeError):
            return f"the daemon refused: {str(body)[:300]}"
    return f"{type(error).__name__}: {error}"[:500]


# yapapi needs one function of `pkg_resources`, which is a quarter of its time to start, and gone from setuptools 82.
sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
sys.modules["pkg_resources"].get_distribution = distribution

try:
    import asyncio
    import json
    import os
    import signal
    import traceback
    from datetime import timedelta

    from market import Market
    from plan import Plan
    from tempo import hasten
    from work import Works
    from yapapi import Golem, Task, events
    from yapapi.payload import vm
except Exception as error:  # noqa: BLE001 - a broken installation can raise anything
    tell("stopped", reason=f"yapapi cannot be imported: {type(error).__name__}: {error}"[:500], broken=True)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
