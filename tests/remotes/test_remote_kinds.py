"""The suite of all remotes, run against each kind."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest
from faulty import FaultyRemote
from memory import MemoryRemote
from partial_lab import Partial
from remote_suite import Open, RemoteSuite, silent
from transfer_lab import Lab, cloned, manifest_of

from sovrgit.errors import NotProven, RemoteDamaged, Unsupported
from sovrgit.objects.ids import blob_id
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import open_location
from sovrgit.remotes.podremote import PodRemote
from sovrgit.store.verify import verify_pack

REAL = "SOVR_TEST_REMOTE"
"""A location in which the suite makes new remotes, such as that of a real server."""


class TestDirectory(RemoteSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        return lambda: DirectoryRemote(tmp_path / "a remote")


class TestMemory(RemoteSuite):
    @pytest.fixture
    def opened(self) -> Open:
        remote = MemoryRemote()
        return lambda: remote


class TestFaultyWithoutFaults(RemoteSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        remote = MemoryRemote()
        return lambda: FaultyRemote(remote)


if REAL in os.environ:

    class TestReal(RemoteSuite):
        @pytest.fixture
        def opened(self, tmp_path: Path) -> Open:
            location = f"{os.environ[REAL]}/{secrets.token_hex(4)}"
            return lambda: open_location(location, tmp_path)


class TestPod:
    """A pod can be read from only."""

    def test_without_commits_it_is_empty(self, lab: Lab) -> None:
        assert PodRemote(lab.root).read_manifest() is None

    def test_manifest_follows_the_pod(self, lab: Lab) -> None:
        first = lab.commit({"a": b"1"})
        remote = PodRemote(lab.root)
        assert manifest_of(remote).refs == {"refs/heads/main": first}
        second = lab.commit({"a": b"2"})
        assert manifest_of(remote).refs == {"refs/heads/main": second}
        assert manifest_of(remote).repository == manifest_of(PodRemote(lab.root)).repository

    def test_refs_of_other_remotes_are_not_shown(self, lab: Lab) -> None:
        first = lab.commit({"a": b"1"})
        lab.move("refs/remotes/origin/main", first)
        lab.move("refs/tags/v1", first)
        assert set(manifest_of(PodRemote(lab.root)).refs) == {"refs/heads/main", "refs/tags/v1"}

    def test_content_stays_there_until_it_is_wanted(self, lab: Lab, tmp_path: Path, small: None) -> None:
        lab.commit({"payload/a": bytes(range(256)) * 20, "b": b"b"})
        made = Partial.clone(PodRemote(lab.root), tmp_path / "clone")
        assert set(made.working()) == {"b"} and made.changes() == {}
        # Whoever works there may drop it, too.
        made.get("payload")
        with pytest.raises(NotProven, match="somebody works in"):
            made.drop("payload")
        made.get_all()
        assert made.working() == lab.working() and made.problems() == ()

    def test_a_partial_pod_gives_what_it_has(self, lab: Lab, tmp_path: Path, small: None) -> None:
        lab.commit({"payload/a": bytes(range(256)) * 20, "b": b"b"})
        between = Partial.clone(PodRemote(lab.root), tmp_path / "between")
        with pytest.raises(RemoteDamaged):
            cloned(PodRemote(between.root), tmp_path / "whole")
        between.get("payload")
        assert cloned(PodRemote(between.root), tmp_path / "whole").working() == lab.working()

    def test_every_pack_can_be_had(self, lab: Lab, tmp_path: Path) -> None:
        lab.commit({"a": b"1", "b": bytes(9000)})
        remote = PodRemote(lab.root)
        for entry in manifest_of(remote).packs:
            assert remote.has_pack(entry.id, entry.size)
            remote.get_pack(entry.id, entry.size, tmp_path / str(entry.id), silent)
            verify_pack(tmp_path / str(entry.id), entry.id, entry.size)

    def test_absent_pack_is_an_error(self, lab: Lab, tmp_path: Path) -> None:
        with pytest.raises(RemoteDamaged):
            PodRemote(lab.root).get_pack(blob_id(b"absent"), 6, tmp_path / "got", silent)

    def test_nothing_is_written(self, lab: Lab, tmp_path: Path) -> None:
        lab.commit({"a": b"1"})
        (tmp_path / "file").write_bytes(b"pack")
        remote = PodRemote(lab.root)
        before = lab.packs(), lab.refs
        with pytest.raises(Unsupported):
            remote.put_pack(blob_id(b"pack"), tmp_path / "file", silent)
        with pytest.raises(Unsupported):
            remote.publish(b"manifest", remote.read_manifest())
        other = cloned(remote, tmp_path / "clone")
        other.commit({"a": b"other"})
        with pytest.raises(Unsupported):
            other.push(remote)
        assert (lab.packs(), lab.refs) == before
