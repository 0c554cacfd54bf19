"""Clones that leave content at the remote: what is here, what is fetched for it, and what status makes of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from faulty import FaultyRemote
from memory import MemoryRemote
from transfer_lab import Lab

from sovrgit.errors import NotFetched, PathNotFound
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.status import status
from sovrgit.remotes.base import Remote
from sovrgit.remotes.bringing import Got, get_all, get_paths
from sovrgit.remotes.clone import clone
from sovrgit.remotes.dropping import Dropped, drop
from sovrgit.remotes.selection import Selection
from sovrgit.remotes.supply import Supply

pytestmark = pytest.mark.usefixtures("small")


class Partial(Lab):
    """A partial clone of a remote, which is its `origin`."""

    remote: Remote

    @classmethod
    def of(cls, remote: Remote, folder: Path, selection: Selection) -> Partial:
        made = clone(remote, folder, time_ns=1, selection=selection)
        return cls.open(made.pod, remote)

    @classmethod
    def open(cls, pod: object, remote: Remote) -> Partial:
        made = cls(pod)  # type: ignore[arg-type]
        made.remote = remote
        made.pod.config.set("remote.origin.url", "/there")
        made.supply = TestSupply(made)
        return made

    def get(self, *paths: str) -> Got:
        return get_paths(self.pod, [path.encode() for path in paths], self.supply)

    def drop(self, *paths: str) -> Dropped:
        return drop(self.pod, [path.encode() for path in paths], self.supply, now_ns=1)

    def get_all(self) -> Got:
        return get_all(self.pod, self.supply)

    def changes(self) -> list[str]:
        return [change.path.decode() for change in status(self.pod).changes]

    def absent(self) -> list[str]:
        return [item.path.decode() for item in status(self.pod).absent]


class TestSupply(Supply):
    """Gets from the remote that a test has."""

    __test__ = False

    def __init__(self, lab: Partial) -> None:
        super().__init__(lab.pod)
        self._lab = lab

    def opening(self):  # type: ignore[no-untyped-def,override]
        import contextlib

        return contextlib.nullcontext(lambda name: self._lab.remote)


def test_a_clone_without_payload_reads_no_content_pack(lab: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random) -> None:
    lab.commit({"recipe.json": b"{}", "script/run.py": b"print()\n", "payload/a": noise.randbytes(5000), "payload/b": noise.randbytes(200), "output/c": b"result"})
    lab.push(remote)
    made = Partial.of(remote, tmp_path / "clone", Selection(payload=False))
    assert made.working() == {"recipe.json": b"{}", "script/run.py": b"print()\n"}
    assert made.changes() == []
    assert made.absent() == ["output", "payload"]
    content = [pack for pack in remote.packs if pack in remote.got]
    assert not remote.ranges
    assert made.get("payload/a").files == 1
    assert made.changes() == []
    assert made.working()["payload/a"] == lab.working()["payload/a"]
    assert made.absent() == ["output", "payload/b"]
    made.get_all()
    assert made.working() == lab.working()
    assert not made.pod.is_partial
    assert made.problems() == ()
    assert made.changes() == []


def test_what_is_dropped_can_be_got_again(lab: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random) -> None:
    lab.commit({"payload/a": noise.randbytes(5000), "payload/b": noise.randbytes(200), "c": b"result"})
    lab.push(remote)
    made = Partial.open(lab.pod, remote)
    before = lab.working()
    dropped = made.drop("payload/a")
    assert dropped.objects > 3
    assert made.changes() == []
    assert made.absent() == ["payload/a"]
    assert "payload/a" not in made.working()
    assert sum(path.stat().st_size for path in made.pod.store.packs_folder.iterdir()) < 4000
    made.get("payload/a")
    assert made.working() == before
    assert made.problems() == ()
