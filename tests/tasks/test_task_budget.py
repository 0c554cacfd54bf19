"""The budget of a task: shared out so that all of its pods together never spend more."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import SpendingRefused
from sovrgit.tasks.budget import Ledger

TEN = Decimal(10)


def test_it_is_shared_evenly_by_those_whose_recipes_say_nothing() -> None:
    ledger = Ledger(TEN, {0: None, 1: None})
    assert ledger.take(0) == ledger.take(1) == 5


def test_a_recipe_that_says_how_much_gets_that() -> None:
    ledger = Ledger(TEN, {0: Decimal(1), 1: None, 2: None})
    assert [ledger.take(position) for position in (1, 0, 2)] == [Decimal("4.5"), 1, Decimal("4.5")]


def test_recipes_that_want_too_much_get_their_part() -> None:
    ledger = Ledger(TEN, {0: Decimal(100), 1: Decimal(100)})
    assert ledger.take(0) == ledger.take(1) == 5


def test_a_recipe_that_wants_all_leaves_something_to_those_that_say_nothing() -> None:
    ledger = Ledger(TEN, {0: TEN, 1: None})
    assert ledger.take(1) == 5 and ledger.take(0) == 5


def test_what_was_not_spent_is_there_for_the_others() -> None:
    ledger = Ledger(TEN, {0: None, 1: None})
    ledger.take(0)
    ledger.settle(0, Decimal(1))
    assert ledger.take(1) == 9


def test_what_may_have_been_spent_is_gone() -> None:
    ledger = Ledger(TEN, {0: None, 1: None})
    ledger.take(0)
    ledger.settle(0, None)
    assert ledger.take(1) == 5


def test_those_that_do_not_run_want_nothing() -> None:
    ledger = Ledger(TEN, {0: None, 1: None, 2: Decimal(4)})
    ledger.leave(0)
    ledger.leave(2)
    assert ledger.take(1) == TEN


def test_once_it_is_spent_nothing_more_starts() -> None:
    ledger = Ledger(Decimal(0), {0: None})
    with pytest.raises(SpendingRefused, match="the budget of the task is spent"):
        ledger.take(0)


def test_without_a_budget_nothing_is_said() -> None:
    assert Ledger(None, {0: Decimal(1)}).take(0) is None


def test_a_pod_that_costs_nothing_takes_nothing() -> None:
    ledger = Ledger(TEN, {1: None})
    assert ledger.take(0) is None and ledger.take(1) == TEN


AMOUNTS = st.decimals(0, 100, places=6)


@given(
    total=AMOUNTS,
    wishes=st.lists(st.none() | AMOUNTS, min_size=1, max_size=8),
    steps=st.lists(st.tuples(st.sampled_from(["take", "leave", "settle"]), st.integers(0, 7), st.none() | AMOUNTS)),
)
def test_together_they_never_have_more(
    total: Decimal, wishes: list[Decimal | None], steps: list[tuple[str, int, Decimal | None]]
) -> None:
    ledger = Ledger(total, dict(enumerate(wishes)))
    running: dict[int, Decimal] = {}
    taken: set[int] = set()
    spent = Decimal(0)
    for kind, position, amount in steps:
        if kind == "take" and position not in taken:
            try:
                share = ledger.take(position)
            except SpendingRefused:
                continue
            taken.add(position)
            if share is not None:
                wish = wishes[position]
                assert share > 0 and (wish is None or share <= wish)
                running[position] = share
        elif kind == "leave":
            ledger.leave(position)
        elif kind == "settle" and position in running:
            share = running.pop(position)
            # Nothing can spend more than it was given; if nobody knows, it counts as spent.
            used = share if amount is None else min(amount, share)
            ledger.settle(position, None if amount is None else used)
            spent += used
        assert spent + sum(running.values()) <= total
