"""States that come back: changes that were taken back, in histories of any shape. Nothing is left out."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import MemoryRemote
from transfer_lab import Lab, cloned

from sovrgit.objects.ids import ObjectId

STATES = [
    {"a": b"0", "both": b"x", "d/e": b"0", "d/both": b"y"},
    {"a": b"1", "both": b"x", "d/e": b"1", "d/both": b"y"},
    {"d/a": b"0", "both": b"x", "d/both": b"y", "e/both": b"x"},
]
"""States that share files and folders, with some under other names."""


def _arrives(lab: Lab, commits: list[ObjectId], folder: Path) -> None:
    remote = MemoryRemote()
    lab.push(remote, lab.move("refs/heads/main", commits[-1]), remote_name=folder.name)
    copy = cloned(remote, folder)
    for commit in commits:
        assert copy.files(commit) == lab.files(commit)
    assert copy.problems() == ()
    copy.pod.close()


@pytest.mark.parametrize("length", [3, 4])
def test_state_that_comes_back_in_one_push(lab: Lab, tmp_path: Path, length: int) -> None:
    """To a new place: the state that comes back is that of the very first commit."""
    for number, states in enumerate(itertools.product(range(3), repeat=length)):
        if any(one == other for one, other in itertools.pairwise(states)):
            continue
        made: list[ObjectId] = []
        for state in states:
            made.append(lab.add_commit(STATES[state], made[-1:]))
        _arrives(lab, made, tmp_path / f"copy{number}")


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.integers(0, 6), max_size=2, unique=True), st.integers(-100, 100)),
        min_size=3,
        max_size=7,
    ),
    st.data(),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_state_that_comes_back_in_any_history(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[int, list[int], int]],
    data: st.DataObject,
) -> None:
    """With merges, with clocks that go wrong, with runs, and pushed in two parts."""
    folder = tmp_path_factory.mktemp("reverted")
    lab, remote = Lab.create(folder / "lab"), MemoryRemote()
    made: list[ObjectId] = []
    time = 1_700_000_000
    half = data.draw(st.integers(0, len(history)))
    for number, (state, parents, step) in enumerate(history):
        time += step
        chosen = [made[parent] for parent in parents if parent < number]
        run = None
        if data.draw(st.booleans()):
            base = chosen[0] if chosen else None
            run = lab.add_run(STATES[data.draw(st.integers(0, 2))], STATES[state], base=base)
        made.append(lab.add_commit(STATES[state], chosen, time=time, run=run))
        if number == half:
            lab.push(remote, lab.move("refs/heads/first", made[-1]))
    lab.push(remote, *[lab.move(f"refs/heads/b{number}", commit) for number, commit in enumerate(made)])
    copy = cloned(remote, folder / "copy")
    for commit in made:
        assert copy.files(commit) == lab.files(commit)
    assert copy.problems() == ()
    lab.pod.close()
    copy.pod.close()
