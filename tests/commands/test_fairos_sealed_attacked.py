"""A private pod whose server changes, exchanges, cuts off and brings back what it keeps: what the user sees of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lab import Cli

from sovrgit.credentials.logins import PasswordLogin
from sovrgit.devnet.fairos import StandIn
from sovrgit.errors import KeyNeeded, RemoteDiverged, SealBroken
from sovrgit.remotes import base
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.sealing.key import PodKey

PASSWORD = "correct horse battery staple"
SEAL_BROKEN = SealBroken.exit_code
KEY_NEEDED = KeyNeeded.exit_code
DIVERGED = RemoteDiverged.exit_code


class Attacked:
    """Ada's private pod, pushed twice; Ben's clone of the first state; and a server that can put anything anywhere."""

    def __init__(self, cli: Cli, server: StandIn) -> None:
        cli.set(SOVR_FAIROS_URL=server.url, SOVR_FAIROS_USER="ada", SOVR_FAIROS_PASSWORD=PASSWORD)
        self.fairos = FairOS(ServerAddress.parse(server.url), PasswordLogin("ada", PASSWORD))
        self.fairos.sign_up("ada", PASSWORD)
        self.ada = cli.at(cli.folder)
        self.ada.pod("ada")
        self.ada("remote", "add", "origin", "fairos:pod")
        self.ada("push", "-q")
        self.full = self.ada.json("share", "--private")["reference"]
        reference, _, self.key = self.full.partition("#")
        self.reference = SharingReference.parse(reference)
        self.first = self.stored()
        self.ben = cli.at(cli.folder / "ben")
        self.ben.folder.mkdir()
        self.ben("clone", "-q", self.full, "copy")
        self.copy = cli.at(self.ben.folder / "copy")
        self.ada.write("payload/in.txt", "two\n")
        self.ada("commit", "-q", "-m", "Second")
        self.ada("push", "-q")
        self.second = self.stored()

    def stored(self) -> dict[str, bytes]:
        # A session goes on seeing the names that it has seen first.
        self.fairos.log_out()
        names = [entry.name for entry in self.fairos.listing("pod", "/sovr").files]
        return {name: self.fairos.read_public_file(self.reference, f"/sovr/{name}", 1 << 20) for name in names}

    def put(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            self.fairos.upload("pod", "/sovr", name, data, len(data))

    def clone_fails(self, code: int, reference: str | None = None) -> str:
        message: str = self.ben.failure("clone", reference or self.full, "new", code=code)["message"]
        assert not (self.ben.folder / "new").exists()
        return message


@pytest.fixture
def attacked(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attacked]:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)
    with StandIn(tmp_path / "fairos") as server:
        made = Attacked(cli, server)
        with made.fairos:
            yield made


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def test_nothing_that_was_changed_is_taken(attacked: Attacked) -> None:
    good = attacked.second
    one, two = sorted(name for name in good if name.startswith("s-"))[:2]
    attacks: list[dict[str, bytes]] = [
        *({name: _flipped(good[name], place)} for name in (one, "manifest") for place in (len(good[name]) // 2, -1)),
        {one: good[two], two: good[one]},
        {one: good["manifest"]},
        {"manifest": good[one]},
        *({name: good[name][:-1]} for name in (one, "manifest")),
        {one: good[one] + b"x"},
        {one: good[one][: len(good[one]) // 2]},
    ]
    for attack in attacks:
        attacked.put(attack)
        assert "is not as it was sealed: it " in attacked.clone_fails(SEAL_BROKEN)
        attacked.put({name: good[name] for name in attack})
    attacked.ben("clone", "-q", attacked.full, "new")
    assert attacked.copy.json("pull")["changed_paths"] == 1


def test_an_older_state_is_noticed_by_who_has_seen_a_newer_one(attacked: Attacked) -> None:
    attacked.copy("fetch", "-q")
    heads = attacked.copy("log", "-q").out
    attacked.put({"manifest": attacked.first["manifest"]})
    for cli, command in ((attacked.copy, "fetch"), (attacked.ada, "fetch")):
        assert "it is at generation 1, and 2 has been seen" in cli.failure(command, code=DIVERGED)["message"]
    attacked.ada.write("payload/in.txt", "three\n")
    attacked.ada("commit", "-q", "-m", "Third")
    attacked.ada.failure("push", code=DIVERGED)
    assert attacked.stored()["manifest"] == attacked.first["manifest"]
    assert attacked.copy("log", "-q").out == heads
    attacked.put({"manifest": attacked.second["manifest"]})
    attacked.ada("push", "-q")
    assert attacked.copy.json("pull")["changed_paths"] == 1


def test_another_key_opens_nothing(attacked: Attacked) -> None:
    other = PodKey.new().reveal()
    reference = attacked.reference.reveal()
    message = attacked.clone_fails(KEY_NEEDED, f"{reference}#{other}")
    assert "is sealed with the key" in message and other not in message
    # Ben has the key, and it is not asked for again; a stranger has none.
    attacked.ben("clone", "-q", reference, "known")
    attacked.ben.set(SOVR_CREDENTIALS=str(attacked.ben.folder / "nothing"))
    attacked.clone_fails(KEY_NEEDED, reference)


def test_what_is_not_sealed_is_not_taken_for_it(attacked: Attacked) -> None:
    """Whoever keeps the files can also offer others, which need no key."""
    recipe = json.loads(attacked.ada.read("recipe.json")) | {"public": True}
    open_pod = attacked.ada.at(attacked.ada.folder.parent)
    open_pod.pod("open")
    open_pod.write("recipe.json", json.dumps(recipe))
    open_pod("commit", "-q", "-m", "Open")
    open_pod("remote", "add", "origin", "fairos:open")
    reference = SharingReference.parse(open_pod.json("push")["reference"])
    names = [entry.name for entry in attacked.fairos.listing("open", "/sovr").files]
    attacked.put({name: attacked.fairos.read_public_file(reference, f"/sovr/{name}", 1 << 20) for name in names})
    attacked.clone_fails(SEAL_BROKEN)
    attacked.copy.failure("fetch", code=SEAL_BROKEN)
    attacked.ada.write("payload/in.txt", "three\n")
    attacked.ada("commit", "-q", "-m", "Third")
    attacked.ada.failure("push", code=SEAL_BROKEN)
