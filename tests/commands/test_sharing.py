"""remote, push, fetch, pull, clone, fork: what they print, and what they refuse."""

from __future__ import annotations

import os

from command_lab import ID, Cli, words


def test_remote(pod: Cli) -> None:
    assert pod("remote").err == "hint: `sovr remote add origin PLACE` adds one: a folder, or `fairos:POD`\n"
    place = pod.folder.parent / "shared"
    assert pod("remote", "add", "origin", "../shared").err == f"added origin: {place}\n"
    assert pod("remote").out == pod("remote", "list").out == f"origin  {place}\n"
    assert pod("remote", "-q").out == "origin\n"
    assert pod("remote", "add", "origin", "x", code=51).err.startswith("error: there is already a remote named")
    assert pod("remote", "add", "a/b", "x", code=33).out == ""
    assert pod("remote", "remove", "origin").err == "removed origin\n"
    assert pod("remote", "remove", "origin", code=50).err.startswith("error: no remote named `origin`\n")


def test_push(pod: Cli) -> None:
    assert pod("push", code=50).err.splitlines()[1] == "hint: run `sovr remote add origin /path/to/folder`"
    pod("remote", "add", "origin", "../shared")
    said = pod("push")
    assert said.out == "  main  new\n"
    sent, hint = said.err.splitlines()
    assert sent.startswith("sent ") and sent.endswith(f" to {pod.folder.parent}/shared")
    assert hint == f"hint: whoever can read that folder gets it with `sovr clone {pod.folder.parent}/shared`"
    assert pod("push").err == "origin is up to date\n"
    pod("commit", "--allow-empty", "-m", "More")
    said = pod("push")
    assert words(said.out) == "  main  <id>..<id>\n" and "hint" not in said.err
    pod("commit", "--allow-empty", "-m", "Once more")
    assert pod("push", "-q").out == pod("log", "-q", "-n1").out
    assert pod("push", "origin", "nope", code=20).err.startswith("error: no such revision: `nope`\n")


def test_push_before_the_first_commit(cli: Cli) -> None:
    cli("init", "--name", "x")
    cli("remote", "add", "origin", "../shared")
    assert cli("push", code=20).err.splitlines()[1] == "hint: there is no commit yet; run `sovr commit`"


def test_clone(pod: Cli) -> None:
    pod.share()
    above = pod.at(pod.folder.parent)
    os.rename(pod.folder, above.folder / "moved")
    said = above("clone", "shared")
    # It is called what its recipe calls it.
    assert words(said.out).startswith(f"cloned into {above.folder}/pod at <id> (")
    assert said.err == "hint: `sovr log` shows its history, `sovr run` runs it after asking\n"
    assert (above.folder / "pod" / "payload" / "in.txt").read_text() == "one\n"
    assert above("clone", "-q", f"file://{above.folder}/shared", "x").out == f"{above.folder}/x\n"
    assert above.at(above.folder / "x")("status").out.endswith("clean\n")
    assert above("clone", "shared", "x", code=11).err.startswith(f"error: `{above.folder}/x` exists and is not an")
    assert above("clone", "nowhere", code=52).err.startswith("error: cannot use the remote at `nowhere`")
    assert above("clone", "http://example.org/x", code=71).out == ""
    assert above("clone", "swarm:abc", code=70).out == ""


def test_clone_of_a_pod_as_it_is(pod: Cli) -> None:
    above = pod.at(pod.folder.parent)
    assert above("clone", "pod", "copy").out.startswith("cloned into ")
    assert above("clone", "pod", code=11).out == ""


def test_fork(pod: Cli) -> None:
    pod.share()
    above = pod.at(pod.folder.parent)
    said = above("fork", "shared", "mine")
    assert words(said.out).startswith(f"forked into {above.folder}/mine at <id> (")
    log = above.at(above.folder / "mine")("log", "-n1").out
    assert words(log).splitlines()[3:5] == ["Fork:   of pod at <id>", f"        from {above.folder}/shared"]
    assert above.at(above.folder / "mine")("remote", "-q").out == "upstream\n"


def test_fetch_and_pull(pod: Cli) -> None:
    pod.share()
    above = pod.at(pod.folder.parent)
    above("clone", "shared", "copy")
    copy = above.at(above.folder / "copy")
    assert copy("fetch").err == "nothing new at origin\n"
    assert copy("pull").out == "up to date\n"
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "Two")
    pod("push")
    said = copy("fetch")
    assert words(said.out) == "  origin/main  <id>..<id>\n" and said.err.startswith("received ")
    assert copy.read("payload/in.txt") == "one\n"
    copy.write("payload/in.txt", "mine\n")
    assert copy("pull", code=23).err.startswith("error: local changes would be lost: `payload/in.txt`\n")
    copy("restore", "payload")
    assert words(copy("pull").out) == "now at <id>, 1 path changed\n"
    assert copy.read("payload/in.txt") == "two\n"
    assert ID.fullmatch(copy("pull", "-q").out.strip())
    assert copy("pull", "nope", code=50).out == ""


def test_a_push_that_would_overwrite_is_refused(pod: Cli) -> None:
    pod.share()
    above = pod.at(pod.folder.parent)
    above("clone", "shared", "copy")
    copy = above.at(above.folder / "copy")
    pod("commit", "--allow-empty", "-m", "Mine")
    pod("push")
    copy("commit", "--allow-empty", "-m", "Theirs")
    assert copy("push", code=53).err.splitlines()[1] == "hint: run `sovr pull`, then `sovr push` again"
    assert copy("pull", "--ff-only", code=56).err.startswith("error: `main` and `origin/main` have both moved on\n")
    assert copy.json("pull")["outcome"] == "merged"
    copy("push")


def test_a_bundle(pod: Cli) -> None:
    made = pod.json("bundle", "create", "../pod.bundle")
    assert (made["done"], made["head"]) == ("created", "main")
    said = pod("bundle", "create", "-f", "../pod.bundle")
    assert said.lines[0].startswith("wrote ") and "sovr clone" in said.err
    above = pod.at(pod.folder.parent)
    assert above("bundle", "verify", "pod.bundle").lines[0].startswith("whole: ")
    above("clone", "pod.bundle", "copy")
    assert (above.folder / "copy/payload/in.txt").read_text() == "one\n"
    assert above.failure("bundle", "verify", "copy/recipe.json", code=52)["code"] == "RemoteUnavailable"
    assert pod.failure("bundle", "create", "../pod.bundle", code=11)["code"] == "PodExists"
