"""A second process: its answer, its death, its errors, and work that is taken from both ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import StorageFull
from sovrgit.pod.secondprocess import FromBothEnds, can_fork, packed, second_process, split, unpacked


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_answer_comes_back() -> None:
    before = open_files()
    with second_process(lambda: str(os.getpid()).encode()) as child:
        assert child.answer() == str(child.process).encode()
        assert child.process != os.getpid()
    assert open_files() == before


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_answers_of_any_size(size: int) -> None:
    with second_process(lambda: b"x" * size) as child:
        assert child.answer() == b"x" * size


def die() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def fail() -> bytes:
    raise ZeroDivisionError


@pytest.mark.parametrize("work", [die, fail])
def test_a_child_that_dies_has_no_answer(work: Callable[[], bytes], capfd: pytest.CaptureFixture[str]) -> None:
    with second_process(work) as child:
        assert child.answer() is None
    with pytest.raises(ChildProcessError):
        os.waitpid(child.process, os.WNOHANG)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("failing", ["fork", "pipe"])
def test_no_process_to_be_had(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, refuse)
        with second_process(lambda: b"never") as child:
            assert (child.process, child.answer()) == (0, None)
    assert open_files() == before


def test_a_failure_in_the_block_ends_the_child() -> None:
    release, hold = os.pipe()
    with pytest.raises(KeyboardInterrupt), second_process(lambda: os.read(release, 1)) as child:
        raise KeyboardInterrupt
    with pytest.raises(ChildProcessError):
        os.waitpid(child.process, os.WNOHANG)
    os.close(release)
    os.close(hold)


def test_errors_travel() -> None:
    def full() -> None:
        raise StorageFull(path="there")

    with pytest.raises(StorageFull, match="`there`"):
        unpacked(packed(full), dict)
    assert unpacked(packed(lambda: {"a": 1}), dict) == {"a": 1}
    with pytest.raises(TypeError, match="list"):
        unpacked(packed(lambda: [1]), dict)


def test_no_fork_beside_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert can_fork()
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert not can_fork()


@given(st.lists(st.integers(0, 9)))
def test_parts_of_about_the_same_weight(weights: list[int]) -> None:
    first, second = split(range(len(weights)), weights)
    assert first + second == list(range(len(weights)))
    left, right = (sum(weights[item] for item in part) for part in (first, second))
    assert abs(left - right) <= 2 * max(weights, default=0)


# --- from both ends ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 12), st.lists(st.booleans()))
def test_nothing_is_left_out_whoever_is_faster(count: int, turns: list[bool]) -> None:
    work = FromBothEnds(range(count))
    sides = (work.from_start(), work.from_end())
    taken: list[list[int]] = [[], []]
    for turn in [*turns, *[False, True] * (count + 1)]:
        taken[turn] += [item for item in [next(sides[turn], None)] if item is not None]
    assert {*taken[0], *taken[1]} == set(range(count))
    assert len(taken[0]) + len(taken[1]) <= count + 1
    assert set(taken[1]) <= set(work.others())
    assert {*taken[0], *work.others()} == set(range(count))


def test_two_threads_take_everything() -> None:
    work = FromBothEnds(range(20_000))
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(list, side) for side in (work.from_start(), work.from_end())]
    taken = [part.result() for part in parts]
    assert {*taken[0], *taken[1]} == set(range(20_000))


def test_two_processes_take_everything() -> None:
    work = FromBothEnds(range(1000))
    with second_process(lambda: b"".join(item.to_bytes(2, "big") for item in work.from_end())) as child:
        mine = list(work.from_start())
        answer = child.answer()
    assert answer is not None
    theirs = [int.from_bytes(answer[at : at + 2], "big") for at in range(0, len(answer), 2)]
    assert {*mine, *theirs} == set(range(1000))
