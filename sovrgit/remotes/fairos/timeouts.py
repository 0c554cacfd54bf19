"""How long to wait for a FairOS server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: for a connection, for it to take more data, for more of an answer.

    A server answers an upload only when all of it is stored, and a lookup in Swarm for something that is not there
    takes several timeouts of its own.
    """

    connect: float = 5.0
    write: float = 60.0
    pool: float = 10.0
    answer: float = 120.0
    transfer: float = 600.0
    """For the answer to an upload, and the first and every further piece of a download."""

    least: int = 1 << 18
    """Bytes that a body has to go on by in the time that is waited for an answer: some hundred a second."""

    farewell: float = 5.0
    """For the answer to a log-out: nobody wants to wait for that."""


PATIENCE = Timeouts()
"""What is waited for unless somebody knows better."""

HURRY = Timeouts(connect=5.0, write=10.0, answer=15.0, transfer=30.0)
"""For what can be done without."""
