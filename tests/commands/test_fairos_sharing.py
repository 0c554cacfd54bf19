"""push, share, clone, fork, persist with FairOS pods: over a real socket, as several people."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lab import Cli

from sovrgit import api
from sovrgit.devnet.fairos import StandIn
from sovrgit.pod.pod import Pod
from sovrgit.remotes import base

REFERENCE = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)
    with StandIn(tmp_path / "fairos") as server:
        yield server


@pytest.fixture
def ada(server: StandIn, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line of somebody who has an account, in a pod with one commit."""
    cli.set(SOVR_FAIROS_URL=server.url, SOVR_CREDENTIALS=str(cli.folder.parent / "ada"))
    feed(monkeypatch, "a long password\n")
    cli("login", "--user", "ada", "--new", "--password-stdin", "-q")
    cli.pod()
    return cli


@pytest.fixture
def public(ada: Cli) -> Cli:
    """The same, and the pod is public."""
    publish(ada)
    ada("commit", "-q", "-m", "Everybody may have it")
    return ada


def publish(cli: Cli, **golem: object) -> None:
    recipe = json.loads(cli.read("recipe.json")) | {"public": True}
    recipe["golem"] |= golem
    cli.write("recipe.json", json.dumps(recipe) + "\n")


def feed(patch: pytest.MonkeyPatch, text: str) -> None:
    """What the next command reads from standard input."""
    patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def stranger(cli: Cli) -> Cli:
    """The same command line without any login or key, in another folder."""
    other = cli.folder.parent / "stranger"
    other.mkdir(exist_ok=True)
    cli.set(SOVR_CREDENTIALS=str(other / "nothing"))
    return cli.at(other)


def test_a_public_pod_is_cloned_by_a_stranger(public: Cli, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    public("run", "-q")
    public("remote", "add", "origin", "fairos:pod")
    said = public("push")
    reference = REFERENCE.findall(said.out)[-1]
    assert "read all of the pod, now and later" in said.err and "cannot be taken back" in said.err
    assert public("share", "-q").out.strip() == reference
    server.counts.clear()
    other = stranger(public)
    feed(monkeypatch, reference + "\n")
    other("clone", "-", "copy")
    called = server.counts.all()
    assert {name for name, count in called.items() if count.calls} == {"GET /public-file"}
    copy = other.at(other.folder / "copy")
    assert copy.read("output/out.txt") == "one\n"
    assert copy("fsck").lines[0].startswith("everything is whole")
    copy("verify", "HEAD", "--yes")
    assert copy("fetch").err == "nothing new at origin\n"
    # Who it comes from is known, and nothing that opens it is written where it could travel.
    for path in (copy.folder / ".sovr").rglob("*"):
        if path.is_file() and path.name != "secrets":
            assert reference.encode() not in path.read_bytes(), path
    assert (copy.folder / ".sovr/secrets").stat().st_mode & 0o077 == 0


def test_later_pushes_arrive(public: Cli) -> None:
    public("remote", "add", "origin", "fairos:pod")
    reference = public.json("push")["reference"]
    other = stranger(public)
    other("clone", reference, "copy")
    public.set(SOVR_CREDENTIALS=str(public.folder.parents[1] / "ada"))
    public.write("payload/in.txt", "two\n")
    public("commit", "-q", "-m", "Second")
    pushed = public.json("push")
    assert pushed["generation"] == 2 and pushed["sent_packs"] == 1 and pushed["reference"] == reference
    copy = other.at(other.folder / "copy")
    assert copy.json("pull")["changed_paths"] == 1
    assert copy.read("payload/in.txt") == "two\n"


def test_a_private_pod_needs_its_key(ada: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ada("remote", "add", "origin", "fairos:pod")
    said = ada("push")
    assert "it is sealed" in said.err and not REFERENCE.findall(said.out)
    assert ada.failure("share", code=72)["hint"].startswith("`sovr share origin --private`")
    document = ada.json("share", "--private")
    assert document["private"]
    reference, _, key = document["reference"].partition("#")
    other = stranger(ada)
    failed = other("clone", reference, "copy", code=88)
    assert "no key for it is known" in failed.err and not (other.folder / "copy").exists()
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    failed = other("clone", f"{reference}#{wrong}", "copy", code=13)
    assert key[:-1] not in failed.err
    other("clone", document["reference"], "copy")
    copy = other.at(other.folder / "copy")
    assert copy.read("payload/in.txt") == "one\n"
    # The key is kept, so that it is not needed again.
    assert copy("fetch").err == "nothing new at origin\n"
    assert key.encode() not in b"".join(path.read_bytes() for path in copy.folder.rglob("*") if path.is_file())


def test_what_is_stored_of_a_private_pod_says_nothing(ada: Cli, tmp_path: Path) -> None:
    ada.write("payload/in.txt", "a sentence that nobody else shall read\n" * 200)
    ada("commit", "-q", "-m", "A message that nobody else shall read")
    ada("remote", "add", "origin", "fairos:pod")
    ada("push")
    packs = [path.name.removesuffix(".pack") for path in (ada.folder / ".sovr/packs").iterdir()]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "fairos").rglob("*") if path.is_file())
    for words in (b"nobody else", b"recipe.json", *(pack.encode() for pack in packs)):
        assert words not in stored


def test_private_or_public_can_be_said(ada: Cli, public: Cli) -> None:
    public("remote", "add", "hidden", "fairos:hidden", "--private")
    assert public.json("push", "hidden")["private"]
    public("remote", "add", "open", "fairos:open", "--public")
    assert public.json("push", "open")["reference"]


def test_what_was_pushed_sealed_stays_sealed(ada: Cli) -> None:
    ada("remote", "add", "origin", "fairos:pod")
    ada("push")
    publish(ada)
    ada("commit", "-q", "-m", "Public now")
    pushed = ada.json("push")
    assert pushed["private"] and pushed["reference"] is None
    assert "was pushed as a public pod" not in ada("share", "--private").err


def test_a_fork_leaves_what_it_has_not_changed(public: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    public.write("payload/large", bytes(range(256)) * 400)
    public("commit", "-q", "-m", "Much")
    public("remote", "add", "origin", "fairos:pod")
    reference = public.json("push")["reference"]
    ben = stranger(public)
    feed(monkeypatch, "another password\n")
    ben("login", "--user", "ben", "--new", "--password-stdin", "-q")
    ben("fork", reference, "fork")
    fork = ben.at(ben.folder / "fork")
    fork.write("payload/in.txt", "ben's\n")
    fork("commit", "-q", "-m", "Mine")
    fork("remote", "add", "mine", "fairos:forked")
    pushed = fork.json("push", "mine")
    assert pushed["sent_bytes"] < 4000
    third = stranger(fork)
    third("clone", pushed["reference"], "third")
    assert third.at(third.folder / "third").read("payload/in.txt") == "ben's\n"
    assert "Fork:   of pod" in third.at(third.folder / "third")("log").out
    fork.set(SOVR_CREDENTIALS=str(ben.folder / "nothing"))
    fork("remote", "add", "whole", "fairos:whole")
    assert fork.json("push", "whole", "--full")["sent_bytes"] > pushed["sent_bytes"]


def test_shared_output_is_a_pod_of_its_own(public: Cli) -> None:
    publish(public, output={"share": "output/results"})
    public.script("mkdir -p output/results\ncp payload/in.txt output/results/out.txt")
    public("commit", "-q", "-m", "Share")
    public("remote", "add", "origin", "fairos:pod")
    assert "has nothing there" in public("push").err
    public("run", "-q")
    output = public.json("push")["output"]
    assert output["location"] == "fairos:output-pod"
    other = stranger(public)
    other("clone", output["reference"], "results")
    results = other.at(other.folder / "results")
    assert results.read("out.txt") == "one\n"
    shown = results("log").out
    assert "Run: " in shown and "Fork:   of pod at " in shown and "Output of pod: output/results" in shown
    assert results("fsck").code == 0
    # Once more without a change: nothing new is there.
    public.set(SOVR_CREDENTIALS=str(public.folder.parents[1] / "ada"))
    assert public.json("push")["output"]["moved"] == []


def test_output_of_a_private_pod_does_not_bring_its_inputs(ada: Cli) -> None:
    recipe = json.loads(ada.read("recipe.json"))
    recipe["golem"]["output"] = {"share": "output"}
    ada.write("recipe.json", json.dumps(recipe))
    ada("commit", "-q", "-m", "Share the output")
    ada("run", "-q")
    ada("remote", "add", "origin", "fairos:pod")
    output = ada.json("push")["output"]
    other = stranger(ada)
    other("clone", output["reference"], "results")
    results = other.at(other.folder / "results")
    assert "Made by run" in results("log").out
    with Pod(results.folder) as copy:
        assert {kind.label for kind in copy.store.counts()} <= {"commit", "tree", "blob", "toc"}
        assert sorted(path.name for path in results.folder.iterdir()) == [".sovr", "out.txt"]


def test_shared_output_beside_a_folder(pod: Cli) -> None:
    recipe = json.loads(pod.read("recipe.json"))
    recipe["golem"]["output"] = {"share": "output"}
    pod.write("recipe.json", json.dumps(recipe))
    pod("commit", "-q", "-m", "Share the output")
    pod("run", "-q")
    pod("remote", "add", "origin", "../shared")
    output = pod.json("push")["output"]
    assert output["location"].endswith("shared-output") and output["reference"] is None
    pod("clone", "../shared-output", "../results")
    assert pod.read("../results/out.txt") == "one\n"


def test_persist_does_it_all(public: Cli) -> None:
    public.write("payload/in.txt", "two\n")
    document = public.json("persist", "-m", "Twice")
    assert document["commit"] and document["registered"] and document["push"]["location"] == "fairos:pod"
    again = public.json("persist")
    assert again["commit"] is None and not again["registered"] and again["push"]["moved"] == []
    found = public("search", "pod")
    assert document["push"]["reference"] in found.out


def test_persist_of_a_private_pod_is_in_no_registry(ada: Cli) -> None:
    said = ada("persist")
    assert "it is sealed" in said.err and "registry" not in said.err
    assert ada("pods").out.count("ComputePodRegistry") == 0


def test_secrets_are_refused(public: Cli) -> None:
    key = (
        "-----BEGIN OPENSSH PRIVATE KEY-----\n"
        + "b3BlbnNzaC1rZXktdjEAAAAA" * 6
        + "\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    public.write("payload/key", key)
    public("commit", "-q", "-m", "Oh")
    public("remote", "add", "origin", "fairos:pod")
    failure = public.failure("push", code=83)
    assert "payload/key" in failure["message"] and "b3Blb" not in json.dumps(failure)
    public("push", "--allow-secret", "payload/key")


def test_folders_have_no_references(pod: Cli) -> None:
    pod.share()
    assert "sovr clone" in pod.failure("share", code=72)["hint"]
    pod("remote", "add", "other", "fairos:x")
    assert pod.failure("share", "other", code=80)["code"] == "LoginNeeded"


def test_nothing_pushed_nothing_shared(ada: Cli) -> None:
    ada("remote", "add", "origin", "fairos:pod")
    assert "sovr push origin" in ada.failure("share", code=52)["hint"]


@pytest.mark.parametrize("text", ["0f" * 31, "0f" * 33, "0f" * 31 + "0"])
def test_typos_in_references(server: StandIn, cli: Cli, text: str) -> None:
    cli.set(SOVR_FAIROS_URL=server.url)
    for written in (text, f"fairos:{text}"):
        failure = cli.failure("clone", written, "copy", code=71)
        assert f"yours has {len(text)}" in failure["hint"]
        assert "0f0f0f0f" not in json.dumps(failure)


def test_an_unknown_reference_is_not_tried_for_long(server: StandIn, cli: Cli) -> None:
    cli.set(SOVR_FAIROS_URL=server.url)
    failure = cli.failure("clone", "0f" * 32, "copy", code=52)
    assert "nothing is found at this sharing reference" in failure["message"]
    assert "0f" * 32 not in json.dumps(failure)
    assert server.counts.total().calls == 1


def test_from_python(public: Cli, server: StandIn, tmp_path: Path) -> None:
    environ = {
        "SOVR_FAIROS_URL": server.url,
        "SOVR_CREDENTIALS": str(public.folder.parents[1] / "ada"),
        "SOVR_AUTHOR_NAME": "Ada",
    }
    with api.open(public.folder, environ=environ) as pod:
        pod.add_remote("origin", "fairos:pod")
        assert pod.push().generation == 1
        reference = pod.share()
        assert pod.publish_output() is None
    nobody = {"SOVR_FAIROS_URL": server.url, "SOVR_CREDENTIALS": str(tmp_path / "none"), "SOVR_AUTHOR_NAME": "Ben"}
    with api.clone(reference, tmp_path / "copy", environ=nobody) as copy:
        assert copy.fetch().moved == ()
        assert copy.head is not None
    with api.fork(reference, tmp_path / "fork", environ=nobody) as fork:
        assert [remote.name for remote in fork.remotes()] == ["upstream"]
