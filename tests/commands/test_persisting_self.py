"""persist-self: what it prints, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from command_lab import ID, Cli, words

from sovrgit import __version__
from sovrgit.selfpod import persist
from sovrgit.selfpod.contents import SelfContents, self_contents


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SelfContents:
    """A pod without most of the package, which would take long."""
    whole = self_contents()
    kept = replace(whole, files={path: data for path, data in whole.files.items() if not path.startswith("sovrgit/p")})
    monkeypatch.setattr(persist, "self_contents", lambda: kept)
    return kept


def test_to_a_folder(cli: Cli, small: SelfContents) -> None:
    said = cli("persist-self", "--remote", "shared")
    first, moved = said.out.splitlines()
    assert words(first) == f"sovr {__version__}: {len(small.files)} files at <id>" and moved == "  main  new"
    assert said.err.splitlines()[-1] == "hint: whoever clones it installs it with `pip install ./sovr`"
    again = cli("persist-self", "--remote", "shared")
    assert again.out == f"{first}, as it was\n" and again.err.startswith("origin is up to date\n")
    assert ID.fullmatch(cli("-q", "persist-self", "--remote", "quiet").out.strip())
    assert cli("clone", "-q", "shared").out == f"{cli.folder}/sovr\n"
    assert (cli.folder / "sovr" / "sovrgit" / "__init__.py").read_bytes() == small.files["sovrgit/__init__.py"]


def test_into_a_folder(cli: Cli, small: SelfContents) -> None:
    said = cli("persist-self", "--folder", "here")
    assert said.err.splitlines()[-1] == f"hint: `pip install {cli.folder}/here` installs it"
    assert cli.at(cli.folder / "here")("status").out.endswith("clean\n")
    assert cli.at(cli.folder / "here")("remote", "-q").out == ""
    assert ID.fullmatch(cli("-q", "persist-self", "--folder", "quiet").out.strip())
    cli("persist-self", "--folder", "both", "--remote", "shared")
    assert cli.at(cli.folder / "both")("remote", "-q").out == "origin\n"
    assert cli("persist-self", "--folder", "here", code=11).err.startswith(f"error: `{cli.folder}/here` exists and is")


def test_as_json(cli: Cli, small: SelfContents) -> None:
    pushed = cli.json("persist-self", "--remote", "shared")
    assert (pushed["version"], pushed["files"], pushed["is_new"]) == (__version__, len(small.files), True)
    assert pushed["folder"] is None and [move["new"] for move in pushed["push"]["moved"]] == [pushed["commit"]]
    kept = cli.json("persist-self", "--folder", "here")
    assert kept["push"] is None and kept["folder"] == str(cli.folder / "here") and kept["tree"] == pushed["tree"]
    again = cli.json("persist-self", "--remote", "shared")
    assert not again["is_new"] and again["commit"] == pushed["commit"] and again["push"]["moved"] == []


def test_without_a_place_it_is_the_network(cli: Cli, small: SelfContents) -> None:
    cli.set(SOVR_FAIROS_URL="http://127.0.0.1:9")
    assert cli("persist-self", code=80).err.startswith("error: a login at `http://127.0.0.1:9` is needed\n")


def test_secrets(cli: Cli, small: SelfContents, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {**small.files, "sovrgit/creds.json": json.dumps({"username": "ada", "password": "engine"}).encode()}
    monkeypatch.setattr(persist, "self_contents", lambda: replace(small, files=files))
    said = cli("persist-self", "--remote", "shared", code=83)
    assert said.out == "" and "`sovrgit/creds.json` line 1 (a login with its password)" in said.err
    assert "engine" not in said.err and not (cli.folder / "shared").exists()
    failure = cli.failure("persist-self", "--remote", "shared", code=83)
    assert (failure["code"], failure["fields"]["paths"]) == ("SecretFound", "sovrgit/creds.json")
    cli("persist-self", "--folder", "here", "--allow-secret", "sovrgit/creds.json")
    assert (cli.folder / "here" / "sovrgit" / "creds.json").exists()
