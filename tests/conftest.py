"""What holds for every test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):  # for which Hypothesis has a profile, that does the same and chooses nothing at random
    settings.load_profile("unhurried")


def pytest_xdist_auto_num_workers() -> int:
    """How many tests run at a time: one more than there are processors, for many wait for a server or a process."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """What a script starts in the background ignores Ctrl-C and passes that on: runs could not be cancelled."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_power_cuts() -> Iterator[None]:
    """Syncing takes half the time of the tests, and what it is for, no test can see: the power stays on.

    That it is called, when, and what its failure does is tested with calls that are watched. Other processes sync.
    """
    with pytest.MonkeyPatch.context() as patch:
        # A descriptor that is none is still refused.
        patch.setattr(os, "fsync", lambda descriptor: os.fstat(descriptor) and None)
        yield
