"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_power_cuts() -> Iterator[None]:
    """Syncing takes half the time of the tests, and what it is for, no test can see: the power stays on.

    That it is called, when, and what its failure does is tested with calls that are watched. Other processes sync.
    """
    with pytest.MonkeyPatch.context() as patch:
        # A descriptor that is none is still refused.
        patch.setattr(os, "fsync", lambda descriptor: os.fstat(descriptor) and None)
        yield
