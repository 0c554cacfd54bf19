"""A FairOS pod as a remote, over a real socket: the suite of all remotes, and pods that travel.

Against the stand-in, and where `SOVR_TEST_FAIROS_URL` names one, against a real server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from remote_lab import OnRealServer, OnStandIn, User
from remote_suite import Open, RemoteSuite, pack_file, silent

from sovrgit.remotes.base import Doubtful
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.memory import Forgetful
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.sealing.key import PodKey

# --- the suite of all remotes -----------------------------------------------------------------------------------------


class PublicPod(RemoteSuite):
    """An own pod whose files are as they are."""

    @pytest.fixture
    def contents(self) -> Callable[[], Contents]:
        return Contents

    @pytest.fixture
    def opened(self, url: str, contents: Callable[[], Contents], tmp_path: Path) -> Iterator[Open]:
        ann = User(url, tmp_path / "ann")
        with ExitStack() as stack:
            yield lambda: stack.enter_context(ann.own(Forgetful(), contents=contents()))


class SealedPod(PublicPod):
    """An own pod whose files are sealed."""

    @pytest.fixture
    def contents(self) -> Callable[[], Contents]:
        key = PodKey.new()
        return lambda: SealedContents(key)

    def test_no_more_is_taken_than_was_asked_for(self, opened: Open, tmp_path: Path) -> None:
        pack, source = pack_file(tmp_path, bytes(100_000))
        remote = opened()
        remote.put_pack(pack, source, silent)
        # More than a small file sealed can have, and then a file that is larger inside than it may be.
        with pytest.raises(Doubtful, match="larger than it should be"):
            remote.get_pack(pack, 10, tmp_path / "got", silent)
        with pytest.raises(Doubtful, match="100000 bytes, and 99999 are the most"):
            remote.get_pack(pack, 99_999, tmp_path / "got", silent)
        assert not (tmp_path / "got").exists()
        assert not remote.has_pack(pack, 99_999)


class TestPublicPodOnStandIn(OnStandIn, PublicPod):
    pass


class TestSealedPodOnStandIn(OnStandIn, SealedPod):
    pass


class TestPublicPodOnRealServer(OnRealServer, PublicPod):
    pass


class TestSealedPodOnRealServer(OnRealServer, SealedPod):
    pass
