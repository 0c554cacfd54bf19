"""A FairOS pod as a remote, over a real socket: the suite of all remotes, and what is special about servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_suite import Open, RemoteSuite

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
    with StandIn(tmp_path / "fairos") as server:
        with FairOS(ServerAddress.parse(server.url)) as fairos:
            fairos.sign_up(ANN.user, ANN.password)
        yield server


class TestOwnPod(RemoteSuite):
    @pytest.fixture
    def opened(self, server: StandIn, tmp_path: Path) -> Iterator[Open]:
        made: list[OwnPod] = []

        def open_() -> OwnPod:
            client = FairOS(ServerAddress.parse(server.url), ANN)
            places = {"memory": Forgetful(), "temporary": tmp_path, "lock": tmp_path / "locks" / "pod"}
            made.append(OwnPod(client, "fairos:pod", "pod", Contents(), **places))
            return made[-1]

        yield open_
        for remote in made:
            remote.close()
