"""What every kind of remote must do. Subclasses say how a place of their kind is opened."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from partial_lab import Partial
from transfer_lab import Counter, Lab, small_constants

from sovrgit.errors import RemoteDamaged, RemoteStale, RemoteUnavailable
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.remotes.base import Remote

Open = Callable[[], Remote]
"""Opens the same place again, as another program would."""


def pack_file(folder: Path, data: bytes) -> tuple[ObjectId, Path]:
    """A file to be stored as a pack. Remotes do not look into packs."""
    path = folder / f"{blob_id(data)}.source"
    path.write_bytes(data)
    return blob_id(data), path


def silent(_: int) -> None:
    """No progress wanted."""


class RemoteSuite:
    """A remote that can be written to. `opened` is a fixture of the subclass."""

    def test_new_remote_is_empty(self, opened: Open) -> None:
        remote = opened()
        assert remote.read_manifest() is None
        assert not remote.has_pack(blob_id(b"pack"), 4)

    def test_describes_itself(self, opened: Open) -> None:
        remote = opened()
        assert remote.kind
        assert remote.describe()
        assert remote.location == opened().location

    def test_manifest_is_replaced(self, opened: Open) -> None:
        remote = opened()
        remote.publish(b"one", None)
        assert opened().read_manifest() == b"one"
        remote.publish(b"two", b"one")
        assert opened().read_manifest() == remote.read_manifest() == b"two"

    @pytest.mark.parametrize("expected", [None, b"one", b"other"])
    def test_manifest_that_moved_is_not_replaced(self, opened: Open, expected: bytes | None) -> None:
        remote = opened()
        remote.publish(b"one", None)
        opened().publish(b"two", b"one")
        with pytest.raises(RemoteStale):
            remote.publish(b"three", expected)
        assert remote.read_manifest() == b"two"

    def test_manifest_that_is_gone_is_not_replaced(self, opened: Open) -> None:
        with pytest.raises(RemoteStale):
            opened().publish(b"two", b"one")
        assert opened().read_manifest() is None

    def test_pack_comes_back(self, opened: Open, tmp_path: Path) -> None:
        data = bytes(range(256)) * 300
        pack, source = pack_file(tmp_path, data)
        sent, received = Counter(), Counter()
        opened().put_pack(pack, source, sent.advance)
        assert opened().has_pack(pack, len(data))
        opened().get_pack(pack, len(data), tmp_path / "got", received.advance)
        assert (tmp_path / "got").read_bytes() == data
        assert sent.done == received.done == len(data)
        assert source.read_bytes() == data

    def test_pack_of_another_size_is_not_there(self, opened: Open, tmp_path: Path) -> None:
        pack, source = pack_file(tmp_path, b"pack")
        remote = opened()
        remote.put_pack(pack, source, silent)
        assert not remote.has_pack(pack, 5)
        assert not remote.has_pack(blob_id(b"other"), 4)

    def test_pack_may_be_stored_twice(self, opened: Open, tmp_path: Path) -> None:
        pack, source = pack_file(tmp_path, b"pack")
        remote = opened()
        remote.put_pack(pack, source, silent)
        remote.put_pack(pack, source, silent)
        assert remote.has_pack(pack, 4)

    def test_a_part_of_a_pack(self, opened: Open, tmp_path: Path) -> None:
        data = bytes(range(256)) * 300
        pack, source = pack_file(tmp_path, data)
        remote = opened()
        remote.put_pack(pack, source, silent)
        for start, length in ((0, 10), (70_000, 300), (76_700, 1000)):
            assert remote.get_range(pack, len(data), start, length) == data[start : start + length]
        with pytest.raises((RemoteDamaged, RemoteUnavailable)):
            remote.get_range(blob_id(b"absent"), 6, 0, 6)

    def test_content_stays_there_until_it_is_wanted(
        self, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small_constants(monkeypatch)
        files = {"recipe.json": b"{}", "payload/large": random.Random(1).randbytes(9000), "payload/b": b"b" * 300}
        lab = Lab.create(tmp_path / "lab")
        lab.commit(files)
        lab.push(opened())
        made = Partial.clone(opened(), tmp_path / "clone")
        assert set(made.working()) == {"recipe.json"} and made.changes() == {}
        made.get("payload/large")
        assert made.working()["payload/large"] == files["payload/large"]
        made.get("payload")
        made.drop("payload/large")
        assert made.absent() == ["payload/large"] and made.changes() == {}
        made.commit({"new": b"new" * 100})
        made.push(opened())
        made.get_all()
        assert made.working() == {**files, "new": b"new" * 100}
        assert made.problems() == () and made.stray() == []

    def test_absent_pack_is_an_error(self, opened: Open, tmp_path: Path) -> None:
        with pytest.raises((RemoteDamaged, RemoteUnavailable)):
            opened().get_pack(blob_id(b"absent"), 6, tmp_path / "got", silent)
        assert not (tmp_path / "got").exists()

    def test_no_more_is_taken_than_was_asked_for(self, opened: Open, tmp_path: Path) -> None:
        pack, source = pack_file(tmp_path, bytes(100_000))
        remote = opened()
        remote.put_pack(pack, source, silent)
        remote.get_pack(pack, 10, tmp_path / "got", silent)
        assert (tmp_path / "got").stat().st_size <= 10

    def test_several_packs_at_once(self, opened: Open, tmp_path: Path) -> None:
        remote = opened()
        packs = [pack_file(tmp_path, bytes([number]) * 10_000) for number in range(6)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda pair: remote.put_pack(*pair, silent), packs))
            list(pool.map(lambda pair: remote.get_pack(pair[0], 10_000, tmp_path / pair[0].hex(), silent), packs))
        assert all((tmp_path / pack.hex()).read_bytes() == source.read_bytes() for pack, source in packs)

    def test_of_two_manifests_at_once_one_wins(self, opened: Open) -> None:
        opened().publish(b"zero", None)
        together = threading.Barrier(2)

        def publish(data: bytes) -> bool:
            remote = opened()
            together.wait()
            try:
                with remote.writing():
                    remote.publish(data, b"zero")
            except RemoteStale:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            won = dict(zip((b"a", b"b"), pool.map(publish, (b"a", b"b")), strict=True))
        assert sorted(won.values()) == [False, True]
        assert won[opened().read_manifest() or b""]
