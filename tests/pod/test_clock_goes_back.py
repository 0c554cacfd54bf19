"""A clock that is set back, or was far ahead, costs nothing that was committed."""

from __future__ import annotations

from itertools import pairwise

from pod_lab import Lab, text

from sovrgit.objects.commit import Stamp
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.history import walk
from sovrgit.pod.reflog import moves, position
from sovrgit.pod.undo import undo

YEAR = 365 * 24 * 3600


def _history(lab: Lab, count: int = 4) -> list[bytes]:
    """Commits, each of which is a year older than the one before it."""
    made = []
    for number in range(count):
        lab.put(b"f", b"%d" % number)
        who = Stamp("Ann", "ann@example.org", 1_900_000_000 - number * YEAR)
        made.append(commit(lab.pod, CommitRequest(who, "Change")).id)
    return made


def test_a_commit_never_comes_before_its_children(lab: Lab) -> None:
    made = _history(lab)
    found = [item for item, _ in walk(lab.pod.store, [lab.head])]
    assert found == made[::-1]


def test_the_journal_is_in_the_order_in_which_things_happened(lab: Lab) -> None:
    made = _history(lab)
    assert all(newer.time_ns < older.time_ns for newer, older in pairwise(moves(lab.pod)))
    assert [position(lab.pod, "refs/heads/main", number, "main") for number in range(4)] == made[::-1]
    undo(lab.pod, time_ns=5)
    assert lab.head == made[-2]


def test_garbage_that_comes_from_the_future_is_young(lab: Lab) -> None:
    """Ages are negative then, so nothing is old enough to go, and nothing that is needed goes anyway."""
    made = _history(lab)
    garbage = lab.add_tree({b"x": text(b"nobody names this")})
    packs = set(lab.pod.store.packs_folder.iterdir())
    collect(lab.pod, GcRequest(now_ns=0, few=100))
    assert set(lab.pod.store.packs_folder.iterdir()) >= packs
    assert lab.pod.store.has(garbage)
    # Once the clock is right again, it goes.
    collect(lab.pod, GcRequest(now_ns=1 << 62, few=100))
    assert not lab.pod.store.has(garbage)
    assert [item for item, _ in walk(lab.pod.store, [lab.head])] == made[::-1]
