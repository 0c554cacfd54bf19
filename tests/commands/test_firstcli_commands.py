"""pods, import, search, registry: over a real socket, with pods as the first Sovr CLI left them."""

from __future__ import annotations

import io
import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lab import Cli, on_terminal, words

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets
from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.remotes import base
from sovrgit.remotes.sealing.keeping import keep_key
from sovrgit.remotes.sealing.key import PodKey

# How pods are put onto a stand-in is shared with the tests of what reads them.
sys.path.append(str(Path(__file__).parents[1] / "remotes" / "firstcli"))

import firstcli_lab as lab
from archive_lab import zipped_files


class World:
    """A stand-in, and Reza who has an account there and the command line."""

    def __init__(self, standin: StandIn, cli: Cli) -> None:
        self.standin = standin
        self.signature = secrets.token_hex(32)
        self.fairos = lab.user(standin, self.signature)
        self.cli = cli
        cli.set(SOVR_FAIROS_URL=standin.url, SOVR_CREDENTIALS=str(cli.folder.parent / "credentials"))

    @property
    def environ(self) -> dict[str, str]:
        credentials = str(self.cli.folder.parent / "credentials")
        return {**self.login, "SOVR_FAIROS_URL": self.standin.url, "SOVR_CREDENTIALS": credentials}

    @property
    def login(self) -> dict[str, str]:
        return {"SOVR_FAIROS_SIGNATURE": self.signature}

    def logged_in(self) -> Cli:
        self.cli.set(**self.login)
        return self.cli

    def feed(self, text: str, patch: pytest.MonkeyPatch) -> None:
        """What the next command reads from standard input."""
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.fixture
def world(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)
    with StandIn(tmp_path / "fairos") as standin:
        made = World(standin, cli)
        yield made
        made.fairos.close()


@pytest.fixture
def full(world: World) -> World:
    """With pods of all kinds, one of which would like to steer the terminal."""
    lab.store_first(world.fairos)
    lab.store_first(world.fairos, "evil", recipe=lab.recipe("evil", description="\x1b[2Jwiped\nline", author="\u202ex"))
    said = {"name": "mine", "kind": "data", "version": "3", "description": "All mine"}
    lab.store_ours(world.fairos, "mine", said)
    lab.store_ours(world.fairos, "torn", {})
    lab.put(world.fairos, "torn", "manifest", b"garbage", "/sovr")
    world.fairos.make_pod("photos")
    return world


# --- pods -------------------------------------------------------------------------------------------------------


def test_pods(full: World) -> None:
    cli = full.logged_in()
    cli.set(SOVR_DATE="1700007200")
    said = cli("pods")
    blender, evil, mine, torn = said.lines[0], *said.lines[1:]
    assert blender == "blender  compute   (1.0, by the first Sovr CLI)  Renders a .blend file."
    assert evil == "evil     compute   (by the first Sovr CLI)  \x1b[2Jwiped line"
    assert mine == "mine     data      (3, pushed 2 hours ago, generation 3)  All mine"
    assert torn.startswith("torn     broken    the remote `fairos:torn` is damaged: not a valid manifest")
    assert said.err == "1 other pod without a recipe; `sovr pods --all` shows it\n"
    assert cli("pods", "-q").out == "blender\nevil\nmine\ntorn\n"
    assert cli("pods", "--all").lines[3] == "photos   other"


def test_pods_on_a_terminal(world: World) -> None:
    lab.store_first(world.fairos, "evil", recipe=lab.recipe("evil", description="\x1b[2Jwiped\nline"))
    out, code = on_terminal(world.cli.folder, "--color", "never", "pods", environ=world.environ)
    assert code == 0 and "^[[2Jwiped line" in out and "\x1b[2J" not in out


def test_references_are_shown_only_if_asked_for(full: World) -> None:
    cli = full.logged_in()
    reference = full.fairos.share_pod("blender").reveal()
    assert reference not in cli("pods").out + cli("--json", "pods").out
    said = cli("pods", "--refs")
    assert said.lines[said.lines.index(f"  {reference}") - 1].startswith("blender")
    assert said.err.startswith("1 other pod") and said.err.endswith("read all of it, now and for ever\n")


def test_pods_as_json(full: World) -> None:
    cli = full.logged_in()
    found = {pod["pod"]: pod for pod in cli.json("pods", "--all", "--refs")["pods"]}
    assert found["blender"] == {
        **{"pod": "blender", "kind": "compute", "stored_by": "first-cli", "shared_with_me": False, "name": "blender"},
        **{"version": "1.0", "author": "reza", "description": "Renders a .blend file.", "public": True},
        **{"private": False, "pushed_ns": None, "generation": None, "trouble": None},
        "reference": full.fairos.share_pod("blender").reveal(),
    }
    assert found["torn"]["kind"] == "broken" and found["torn"]["trouble"]
    assert found["mine"]["pushed_ns"] == 1_700_000_000_000_000_000 and found["photos"]["kind"] == "other"


def test_private_pods(world: World) -> None:
    key = PodKey.new()
    lab.store_ours(world.fairos, "diary", {"name": "diary", "kind": "data", "description": "Dear me"}, key=key)
    cli = world.logged_in()
    said = cli("pods")
    assert said.out.startswith("diary  sealed    (private)  ") and "no key for it is known here" in said.out
    keep_key(Secrets([FileStore(cli.folder.parent / "credentials")]), key)
    cli.set(SOVR_DATE="1700007200")
    assert cli("pods").lines == ["diary  data      (private, pushed 2 hours ago, generation 3)  Dear me"]


def test_no_pods(world: World) -> None:
    said = world.logged_in()("pods")
    assert said.out == "" and said.err.startswith(f"no pods at {world.standin.url}\nhint: ")


@pytest.mark.parametrize("command", [["pods"], ["import", "x"], ["registry", "rebuild"], ["registry", "share"]])
def test_without_a_login(world: World, command: list[str]) -> None:
    assert world.cli(*command, code=80).err.startswith(f"error: a login at `{world.standin.url}` is needed\n")


# --- import -----------------------------------------------------------------------------------------------------


def test_import(full: World) -> None:
    cli = full.logged_in()
    said = cli("import", "blender")
    assert words(said.out).startswith(f"cloned into {cli.folder}/blender at <id> (")
    assert "without history" in said.err and said.err.splitlines()[-1].startswith("hint: `sovr ls` lists its files")
    pod = cli.at(cli.folder / "blender")
    assert pod.read("payload/cubes.blend") == "cubes" * 100
    assert pod("status").out.endswith("clean\n")
    log = pod("log").out
    assert "Author: reza" in log and "As stored by the first Sovr CLI" in log and "2023-02-14 12:30 +0000" in log
    assert "has not been approved" in pod("run", code=64).err
    assert pod("fsck").code == 0
    assert cli("import", "blender", code=11).err.startswith(f"error: `{cli.folder}/blender` exists and is not an empty")
    assert cli("import", "-q", "blender", "other").out == f"{cli.folder}/other\n"
    assert cli.at(cli.folder / "other")("log", "-q").out == pod("log", "-q").out


def test_import_as_json(full: World) -> None:
    cli = full.logged_in()
    found = cli.json("import", "blender")
    assert found["folder"] == f"{cli.folder}/blender" and found["warnings"] == [] and found["received_bytes"] > 100


def test_import_of_a_pod_with_a_broken_recipe(full: World) -> None:
    cli = full.logged_in()
    lab.store_first(full.fairos, "bad", {"recipe.json": b"{", ".git/config": b"x"}, recipe=b"{")
    said = cli("import", "bad")
    assert "warning: `.git` was left out: it is a repository of its own\n" in said.err
    assert "warning: it cannot be run: recipe.json:1" in said.err
    assert len(cli.json("import", "bad", "again")["warnings"]) == 2


def test_import_of_what_is_none(full: World) -> None:
    cli = full.logged_in()
    said = cli("import", "photos", code=86)
    assert said.err.startswith(
        "error: no pod that sovr knows is at `fairos:photos`: it has neither commits nor a recipe"
    )
    assert cli("import", "nowhere", code=86).err.startswith(
        "error: no pod that sovr knows is at `fairos:nowhere`: there is no pod of this name on the account\n"
    )
    lab.raw_put(full.fairos, "blender", "blender.zip", zipped_files({"../../evil": b"x"}))
    assert cli("import", "blender", code=33).err.startswith("error: refusing `../../evil`: it leads out of the folder")
    assert sorted(path.name for path in cli.folder.iterdir()) == []
    assert cli("import", "torn", code=55).out == ""


def test_import_of_a_pod_of_ours(full: World) -> None:
    cli = full.logged_in()
    made = cli.at(cli.folder)
    made.pod("ours")
    made("remote", "add", "origin", "fairos:ours")
    made("push", "-q")
    head = made("log", "-q").out
    said = cli("import", "ours", "copy")
    assert words(said.out).startswith(f"cloned into {cli.folder}/copy at <id> (")
    assert cli.at(cli.folder / "copy")("log", "-q").out == head
    assert cli.json("import", "ours", "other", "--server", full.standin.url)["received_packs"] == 1
    found = {pod["pod"]: pod for pod in cli.json("pods")["pods"]}
    assert (found["ours"]["kind"], found["ours"]["stored_by"]) == ("compute", "sovr")


# --- registry ---------------------------------------------------------------------------------------------------


def test_the_own_registry(full: World) -> None:
    cli = full.logged_in()
    assert cli("registry", "share", code=87).err.startswith("error: the registry `ComputePodRegistry` does not exist")
    said = cli("registry", "rebuild")
    assert said.out == "blender\nevil\nmine\n"
    assert said.err.startswith("warning: `torn` cannot be read, it is left out: ")
    assert "3 pods in the registry, 1 reference of public ones\n" in said.err
    question = "2 pods in the registry not public"
    assert cli("registry", "share", code=24).err.startswith(f"error: {question}")
    reference = full.fairos.share_pod("ComputePodRegistry").reveal()
    shared = cli("registry", "share", "--yes")
    assert shared.out == f"{reference}\n" and "for ever" in shared.err and "1 of them" in shared.err
    cli("registry", "rebuild", "--public-only")
    assert cli.json("registry", "share") == {
        **{"sovr": 1, "command": "registry"},
        **{"reference": reference, "pods": 1, "with_references": 1},
    }
    assert cli.json("registry", "rebuild")["published"] == ["blender"]
    written = full.fairos.read_public_file(full.fairos.share_pod("ComputePodRegistry"), "/Registry.json", 1 << 20)
    assert json.loads(written).keys() == {"blender", "evil", "mine"}


def test_registries_of_others(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = full.logged_in()
    cli("registry", "rebuild", "--public-only")
    reference = full.fairos.share_pod("ComputePodRegistry").reveal()
    monkeypatch.delenv("SOVR_FAIROS_SIGNATURE")
    assert "no registries of others are known here" in cli("registry").err
    said = cli("registry", "add", reference, "reza")
    assert said.out == f"reza  fairos:{reference[:4]}… at {full.standin.url}, 1 pod\n"
    assert said.err == f"its reference is kept in {cli.folder.parent}/credentials\n"
    assert cli("registry", "add", reference, code=87).err.startswith("error: the registry `reza` is known already")
    (known,) = cli.json("registry", "list")["registries"]
    assert (known["name"], known["server"], len(known["fingerprint"])) == ("reza", full.standin.url, 16)
    assert cli("registry").out == f"reza  fairos:{reference[:4]}… at {full.standin.url}\n"
    assert cli("registry", "-q").out == "reza\n"
    assert cli("registry", "remove", "nobody", code=87).out == ""
    assert cli("registry", "remove", "reza").err == "removed reza\n"
    assert cli.json("registry", "list")["registries"] == []
    full.feed(reference + "\n", monkeypatch)
    assert cli.json("registry", "add", "-")["registries"][0]["name"] == "registry-1"
    assert cli.json("registry", "remove", "registry-1")["registries"] == []
    assert reference not in Path(cli.folder.parent / "credentials").read_text()


def test_what_is_no_registry(full: World) -> None:
    blender = full.fairos.share_pod("blender").reveal()
    assert "holds neither `Registry.json` nor" in full.cli("registry", "add", blender, code=87).err
    said = full.cli("registry", "add", blender[:-1], code=71)
    assert "and yours has 63" in said.err and blender[:10] not in said.err
    assert full.cli("registry", "add", secrets.token_hex(32), code=52).out == ""


# --- search -----------------------------------------------------------------------------------------------------


def test_search(full: World) -> None:
    cli = full.logged_in()
    said = cli("search", "blender", code=1)
    assert said.out == "" and said.err.startswith("no pod was found\n")
    cli("registry", "rebuild")
    reference = full.fairos.share_pod("blender").reveal()
    said = cli("search", "BLEND", "reza")
    assert said.lines == ["blender  (compute, 1.0, by reza, in own)", "  Renders a .blend file.", f"  {reference}"]
    assert said.err.startswith("hint: `sovr clone REFERENCE` gets a pod")
    assert cli("search", "-q", "blend").out == f"{reference}\n"
    assert cli("search", "mine").lines == ["mine  (data, 3, in own)", "  All mine"]
    (found,) = cli.json("search", "blend")["pods"]
    assert (found["registry"], found["reference"]) == ("own", reference)
    out, code = on_terminal(cli.folder, "--color", "never", "search", "evil", environ=full.environ)
    assert code == 0 and "<U+202E>x" in out and "^[[2Jwiped line" in out and "\x1b[2J" not in out


def test_search_in_registries_of_others(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = full.logged_in()
    cli("registry", "rebuild", "--public-only")
    reference = full.fairos.share_pod("ComputePodRegistry").reveal()
    monkeypatch.delenv("SOVR_FAIROS_SIGNATURE")
    assert "`sovr registry add REFERENCE`" in cli("search", "x", code=1).err
    cli("registry", "add", reference, "reza")
    full.standin.counts.clear()
    assert cli("search", "render").lines[0] == "blender  (compute, 1.0, by reza, in reza)"
    # Reading needs no account.
    assert full.standin.counts.all().keys() == {"GET /public-file"}
    full.standin.faults.add(Fault(Kind.UNREADABLE, call="/public-file", times=100))
    said = cli("search", "render", code=1)
    assert said.err.startswith("warning: the registry `reza` was not searched: ") and reference not in said.err
    assert cli.json("search", "render", code=1)["unread"][0]["registry"] == "reza"
