"""Old pods from first to last, at the stand-in and, where `SOVR_TEST_FAIROS_URL` names one, at a real server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_lab import RECIPE
from firstcli_lab import FILES, no_pause, recipe, store_first, store_ours

from sovrgit.credentials.logins import SignatureLogin
from sovrgit.devnet.fairos import StandIn
from sovrgit.registry.added import Added, read_added
from sovrgit.registry.own import read_own, rebuild, share
from sovrgit.registry.search import Source, search
from sovrgit.registry.survey import survey
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.firstcli.adopt import clone_first
from sovrgit.remotes.firstcli.look import FirstPod, OtherPod, look
from sovrgit.remotes.firstcli.reading import NamedPod, ReferredPod

REAL = os.environ.get("SOVR_TEST_FAIROS_URL")


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.skipif(not REAL, reason="no server given"))])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerAddress]:
    if request.param == "real":
        yield ServerAddress.parse(REAL or "")
        return
    with StandIn(tmp_path / "fairos") as standin:
        yield ServerAddress.parse(standin.url)


def test_old_pods_from_first_to_last(server: ServerAddress, tmp_path: Path) -> None:
    login = SignatureLogin.parse(secrets.token_hex(32))
    with FairOS(server, login) as reza:
        store_first(reza, "a name with spaces", recipe=recipe("a name with spaces"))
        reference = store_first(reza)
        output = store_first(reza, "output-blender", {"image.png": b"png"}, None)
        store_ours(reza, "mine", {"name": "mine", "kind": "data"}, recipe("mine", public=True))
        reza.make_pod("photos")
    # What another session sees.
    with FairOS(server, login) as again:
        kinds = {found.pod: (found.kind, found.trouble) for found in survey(again, pause=no_pause)}
        assert kinds == {
            **{"a name with spaces": ("compute", ""), "blender": ("compute", ""), "output-blender": ("output", "")},
            **{"mine": ("data", ""), "photos": ("other", "it has neither commits nor a recipe")},
        }
        for _ in range(3):
            rebuilt = rebuild(again, pause=no_pause)
        assert rebuilt.listed == ("a name with spaces", "blender", "mine") and rebuilt.published == ("blender", "mine")
        assert {listed.pod for listed in read_own(again, no_pause)} == set(rebuilt.listed)
        registry = Added("reza", str(server), share(again, no_pause))
        own = NamedPod(again, "blender")
        found = look(own, no_pause)
        assert found == FirstPod("blender", "pod", RECIPE)
        with (adopted := clone_first(own, found, tmp_path / "own", time_ns=0, pause=no_pause)).pod:
            head = adopted.head
    with FairOS(server) as stranger:
        (hit,) = search(["render"], [Source("reza", read_added(stranger, registry, no_pause))])
        assert hit.pod.reference == reference
        shared = ReferredPod(stranger, reference)
        found = look(shared, no_pause)
        assert isinstance(found, FirstPod)
        with (adopted := clone_first(shared, found, tmp_path / "theirs", time_ns=0, pause=no_pause)).pod as pod:
            assert adopted.head == head
            assert (pod.root / "payload" / "cubes.blend").read_bytes() == FILES["payload/cubes.blend"]
        assert look(ReferredPod(stranger, output), no_pause) == FirstPod("output-blender", "output")
        assert isinstance(look(ReferredPod(stranger, registry.reference), no_pause), OtherPod)
