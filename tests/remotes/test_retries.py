"""Attempts: how many, with which pauses, and what is raised in the end."""

from __future__ import annotations

import pytest
from faulty import FaultyRemote
from memory import MemoryRemote
from transfer_lab import Counter

from sovrgit.errors import RemoteDamaged, RemoteUnavailable
from sovrgit.progress import Repeatable
from sovrgit.remotes import base
from sovrgit.remotes.base import Transient, doubt, with_retries


def _failing(*errors: Exception) -> object:
    waiting = list(errors)

    def action() -> str:
        if waiting:
            raise waiting.pop(0)
        return "done"

    return action


def test_pauses_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_PAUSE", 10.0)
    pauses: list[float] = []
    error = Transient(location="x", reason="y")
    assert with_retries(_failing(*[error] * 4), pauses.append) == "done"
    assert pauses == [10.0, 20.0, 30.0, 30.0]


def test_last_failure_is_raised() -> None:
    errors = [Transient(location="x", reason=str(number)) for number in range(5)]
    with pytest.raises(Transient, match="4"):
        with_retries(_failing(*errors), lambda _: None)


def test_lasting_failure_is_not_repeated() -> None:
    pauses: list[float] = []
    with pytest.raises(RemoteUnavailable):
        with_retries(_failing(RemoteUnavailable(location="x", reason="y")), pauses.append)
    assert pauses == []


def test_doubt_becomes_what_it_was_about() -> None:
    damage = RemoteDamaged(remote="x", reason="y")
    network = FaultyRemote(MemoryRemote(), answers_vary=True)
    with pytest.raises(RemoteDamaged):
        with_retries(_failing(*[doubt(network, damage)] * 5), lambda _: None)
    assert with_retries(_failing(*[doubt(network, damage)] * 4), lambda _: None) == "done"
    assert doubt(MemoryRemote(), damage) is damage


def test_causes_come_to_an_end() -> None:
    """A doubt is raised from the error that it is about, which is then raised itself: whoever follows its causes must
    not get back to it."""
    network = FaultyRemote(MemoryRemote(), answers_vary=True)

    def action() -> None:
        try:
            raise RemoteDamaged(remote="x", reason="y") from ValueError("z")
        except RemoteDamaged as error:
            raise doubt(network, error) from error

    with pytest.raises(RemoteDamaged) as failed:
        with_retries(action, lambda _: None)
    assert isinstance(failed.value.__cause__, ValueError) and failed.value.__cause__.__cause__ is None


def test_causes_of_a_new_error_are_kept() -> None:
    network = FaultyRemote(MemoryRemote(), answers_vary=True)
    cause = ValueError("z")

    def action() -> None:
        raise doubt(network, RemoteDamaged(remote="x", reason="y")) from cause

    with pytest.raises(RemoteDamaged) as failed:
        with_retries(action, lambda _: None)
    assert failed.value.__cause__ is cause


def test_nothing_is_counted_twice() -> None:
    counter = Counter()
    part = Repeatable(counter.advance)
    for amounts in ([3, 4], [5], [2, 6, 2]):
        part.begin()
        for amount in amounts:
            part.advance(amount)
    assert counter.done == 10
