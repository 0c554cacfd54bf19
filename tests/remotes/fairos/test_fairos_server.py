"""The client against the stand-in, and where `SOVR_TEST_FAIROS_URL` names one, against a real server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_suite import Connect, ServerSuite

from sovrgit.devnet.fairos import StandIn
from sovrgit.errors import LoginFailed
from sovrgit.remotes.fairos.address import ServerAddress

REAL = os.environ.get("SOVR_TEST_FAIROS_URL")


class TestStandIn(ServerSuite):
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[ServerAddress]:
        with StandIn(tmp_path / "fairos") as running:
            yield ServerAddress.parse(running.url)


@pytest.mark.skipif(not REAL, reason="SOVR_TEST_FAIROS_URL names no server")
class TestRealServer(ServerSuite):
    @pytest.fixture
    def server(self) -> ServerAddress:
        return ServerAddress.parse(REAL or "")

    def test_words_that_are_none(self, connect: Connect) -> None:
        # The stand-in has no list of the words that there are.
        with pytest.raises(LoginFailed, match="not the words"):
            connect(nobody=True).sign_up("someone", "a long password", "no " * 11 + "words")
