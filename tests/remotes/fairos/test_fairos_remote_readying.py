"""A new pod is made once, however many packs are sent to it at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from remote_suite import pack_file, silent

from sovrgit.credentials.logins import PasswordLogin
from sovrgit.devnet.fairos import StandIn
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.memory import Forgetful
from sovrgit.remotes.fairos.own import OwnPod

ANN = PasswordLogin("ann", "a long password")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    # So that a second pack arrives while the pod is being made for the first.
    with StandIn(tmp_path / "fairos", latency=0.02) as server:
        with FairOS(ServerAddress.parse(server.url)) as fairos:
            fairos.sign_up(ANN.user, ANN.password)
        yield server


def test_packs_sent_at_once_make_the_pod_once(server: StandIn, tmp_path: Path) -> None:
    client = FairOS(ServerAddress.parse(server.url), ANN)
    remote = OwnPod(client, "fairos:pod", "pod", Contents(), memory=Forgetful(), temporary=tmp_path, lock=None)
    packs = [pack_file(tmp_path, bytes([number]) * 100) for number in range(2)]
    server.counts.clear()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(remote.put_pack, pack, source, silent) for pack, source in packs]:
            done.result()
    assert all(remote.has_pack(pack, source.stat().st_size) for pack, source in packs)
    remote.publish(b"manifest", None)
    counts = server.counts.all()
    remote.close()
    for call in ("POST /v1/pod/new", "POST /v1/pod/share", "POST /v1/dir/mkdir"):
        assert counts[call].calls == 1, call
