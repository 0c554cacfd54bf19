"""The budget of a task: what its pods may spend together, shared out to those that run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from sovrgit.errors import SpendingRefused
from sovrgit.objects.receipts import summary_of
from sovrgit.objects.run import Run

_SMALLEST = Decimal(1).scaleb(-18)
"""The least that the token can express."""


class Ledger:
    """Shares a budget out. What was given out and what was spent never come to more than the budget, together.

    Args:
        total: in tokens; None if nobody said, and each pod gets what is usual.
        wishes: what each pod that costs something may spend by its own recipe, by its position; None if that does not
            say. Those that turn out not to run are told of by `leave`.
    """

    def __init__(self, total: Decimal | None, wishes: Mapping[int, Decimal | None]) -> None:
        self._left = total
        self._waiting = dict(wishes)
        self._given: dict[int, Decimal] = {}
        self._lock = threading.Lock()

    def take(self, position: int) -> Decimal | None:
        """What a pod may spend, which starts now; None if nothing is said.

        As much as its recipe says, if the others can have theirs as well; what is left is shared evenly by those whose
        recipes say nothing. If there is not enough for all, each gets its part.

        Raises:
            SpendingRefused: if nothing is left.
        """
        with self._lock:
            if position not in self._waiting or self._left is None:
                return None
            wish = self._waiting[position]
            said = sum((amount for amount in self._waiting.values() if amount is not None), Decimal(0))
            silent = sum(amount is None for amount in self._waiting.values())
            if said > self._left or (silent and said == self._left):
                share = self._left / len(self._waiting)
                share = share if wish is None else min(share, wish)
            else:
                share = wish if wish is not None else (self._left - said) / silent
            share = share.quantize(_SMALLEST, ROUND_DOWN)
            if share <= 0:
                raise SpendingRefused(
                    reason="the budget of the task is spent",
                    hint="`sovr run` goes on with a new `--budget`; what has been computed is kept",
                )
            del self._waiting[position]
            self._left -= share
            self._given[position] = share
            return share

    def leave(self, position: int) -> None:
        """A pod does not run: its result is known, or what it needs failed."""
        with self._lock:
            self._waiting.pop(position, None)

    def settle(self, position: int, spent: Decimal | None) -> None:
        """A pod has ended. What it did not spend is there for the others, if it is known what it spent."""
        with self._lock:
            given = self._given.pop(position, None)
            if given is None or self._left is None:
                return
            self._left += max(given - spent, Decimal(0)) if spent is not None else Decimal(0)


def spent_by(run: Run) -> Decimal | None:
    """What a run has cost, in tokens, with bills that are not paid yet; None if that is not known."""
    summary = summary_of(run.golem)
    if summary is None:
        return Decimal(0)
    if summary.accepted is None:
        return None
    return summary.accepted + (summary.unpaid or Decimal(0))
