"""Running a requestor script as it is, behind the gateway and the front of `gftp`."""

from __future__ import annotations

from sovrgit.runs.executor import Cancel, Outcome, Output, Plan, Sink
from sovrgit.runs.golem.scrub import Scrubber
from sovrgit.runs.local import LogFile, run_command

PATIENCE = 45.0
"""Seconds after SIGINT until the next signal: a script ends agreements, waits for invoices, frees its allocation."""


def run_script(
    plan: Plan, sink: Sink, cancel: Cancel, log: LogFile, scrubber: Scrubber, stop: Cancel, patience: float = PATIENCE
) -> Outcome:
    """Run the command of a plan. What it prints is shown and kept without secrets.

    Args:
        stop: ends it like `cancel`, when a limit is passed.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if the log cannot be written.
    """
    outcome = run_command(plan, sink, cancel, log, patience=patience, stop=stop, clean=scrubber.feed)
    for stream, data in scrubber.rest().items():
        log.write(stream, data, outcome.finished_ns)
        sink(Output(stream, data, outcome.finished_ns))
    return outcome
