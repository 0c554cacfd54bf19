"""Alignment: right for every input and every bound, minimal where the bounds allow it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.pod import align as module
from sovrgit.pod.align import Change, align

sequences = st.lists(st.integers(0, 6), max_size=40)


def apply(old: list[int], new: list[int], changes: list[Change]) -> list[int]:
    result: list[int] = []
    place = 0
    for change in changes:
        result += old[place : change.old_start] + new[change.new_start : change.new_end]
        assert len(result) == change.new_end
        place = change.old_end
    return result + old[place:]


def edits(changes: list[Change]) -> int:
    return sum(change.old_end - change.old_start + change.new_end - change.new_start for change in changes)


def fewest_edits(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    row = list(range(len(new) + 1))
    for i, item in enumerate(old):
        above, row = row, [i + 1]
        for j, other in enumerate(new):
            row.append(above[j] if item == other else 1 + min(above[j + 1], row[j]))
    return row[-1]


@given(sequences, sequences)
def test_changes_turn_old_into_new(old: list[int], new: list[int]) -> None:
    changes = align(old, new)
    assert apply(old, new, changes) == new
    for change in changes:
        assert change.old_start < change.old_end or change.new_start < change.new_end
    for first, second in pairwise(changes):
        assert first.old_end < second.old_start


@given(sequences)
def test_equal_sequences_have_no_changes(old: list[int]) -> None:
    assert align(old, list(old)) == []


@given(sequences, sequences)
def test_without_splitting_the_result_is_minimal(old: list[int], new: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_SPLITS", 0)
        assert edits(align(old, new)) == fewest_edits(old, new)


@given(sequences, sequences, st.integers(0, 60), st.integers(0, 2))
def test_any_bound_gives_a_right_result(old: list[int], new: list[int], steps: int, splits: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_STEPS", steps)
        patch.setattr(module, "MAX_SPLITS", splits)
        assert apply(old, new, align(old, new)) == new


def test_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two long series of two values: an unbounded search would take a hundred million steps."""
    monkeypatch.setattr(module, "MAX_STEPS", 2000)
    taken = []
    solve = module._solve

    def counted(*arguments: Any) -> int:
        taken.append(solve(*arguments))
        return taken[-1]

    monkeypatch.setattr(module, "_solve", counted)
    old = [number * number % 7 % 2 for number in range(20_000)]
    new = [number * number % 11 % 2 for number in range(20_000)]
    assert apply(old, new, align(old, new)) == new
    assert 1000 <= sum(taken) < 30_000


def test_moved_unique_items_keep_the_longest_series() -> None:
    assert align("abcdef", "fabcde") == [Change(0, 0, 0, 1), Change(5, 6, 6, 6)]


def test_one_hopeless_region_does_not_spoil_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = list("ppppppprrprq"), list("qrrqqrppqrqr")
    monkeypatch.setattr(module, "MAX_STEPS", 400)
    changes = align([*old, "#", *("xyxxyyxyxyyx" * 40)], [*new, "#", *("yyxyxxyxyyxx" * 40)])
    assert edits([change for change in changes if change.old_end <= len(old)]) == fewest_edits(old, new)
