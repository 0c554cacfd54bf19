"""Branches, tags, the reflog and undo at the command line."""

from __future__ import annotations

from command_lab import Cli


def test_branches(pod: Cli) -> None:
    assert pod.json("branch")["branches"][0]["current"]
    assert pod("branch", "side").lines[0].startswith("made side at ")
    assert pod("branch", "-q").lines == ["main", "side"]
    assert pod("switch", "side").lines[0].startswith("on side, ")
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "On the side")
    said = pod("branch")
    assert [line[:6] for line in said.lines] == ["  main", "* side"] and "On the side" in said.lines[1]
    switched = pod.json("switch", "-")
    assert (switched["branch"], switched["changed"], switched["made"]) == ("main", 1, False)
    assert pod.read("payload/in.txt") == "one\n"
    assert pod.failure("branch", "-d", "side", code=26)["code"] == "NotMerged"
    assert pod.json("branch", "-d", "-f", "side")["done"] == "removed"
    assert pod("branch", "-m", "main", "trunk").lines == ["renamed main to trunk"]
    assert pod.json("status")["branch"] == "trunk"
    assert pod.failure("switch", "nowhere", code=20)["code"] == "RevisionNotFound"
    assert pod.failure("branch", "trunk", code=25)["code"] == "NameTaken"
    for words in (
        ["branch", "-d"],
        ["branch", "x", "-r"],
        ["switch"],
        ["switch", "a", "b"],
        ["switch", "-c", "-d", "x"],
    ):
        pod(*words, code=2)


def test_on_no_branch(pod: Cli) -> None:
    said = pod("switch", "--detach")
    assert said.lines[0].startswith("at ") and "on no branch" in said.lines[0] and "sovr switch -c NAME" in said.err
    pod.write("payload/in.txt", "two\n")
    assert pod("commit", "-m", "Loose").lines[0].startswith("[HEAD ")
    assert "(HEAD)" in pod("log", "--oneline").lines[0]
    assert pod.json("status")["branch"] == "HEAD"
    pod("remote", "add", "origin", "../shared")
    pod("push", "origin", "main")
    assert "no branch is checked out" in pod("push", code=20).err
    assert "no branch is checked out" in pod("pull", code=20).err
    said = pod("switch", "main")
    assert "is on no branch" in said.err and "sovr branch NAME " in said.err


def test_tags(pod: Cli) -> None:
    assert pod("tag", "v1").lines[0].startswith("made v1, commit ")
    made = pod.json("tag", "-m", "The second", "v2")
    assert (made["done"], made["tags"][0]["annotated"], made["tags"][0]["tagger"]["name"]) == ("made", True, "Ann")
    assert [line.split()[0] for line in pod("tag").lines] == ["v1", "v2"]
    assert pod("show", "v2").out == pod("show", "HEAD").out
    assert pod.failure("tag", "v1", code=25)["code"] == "NameTaken"
    assert pod("tag", "-d", "v1").lines[0].startswith("removed v1")
    pod("tag", "-d", code=2)


def test_reflog_and_undo(pod: Cli) -> None:
    first = pod("log", "-q").lines[0]
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "Two")
    document = pod.json("reflog")
    assert [(place["number"], place["did"]) for place in document["positions"]] == [(0, "commit"), (1, "commit")]
    assert document["positions"][1]["id"] == first
    assert pod("cat", "main@{1}:payload/in.txt").out == "one\n"
    assert "HEAD@{1}" in pod("reflog").lines[1]
    assert pod("undo").lines[0].startswith("took back `commit` of ")
    assert pod.json("status")["commit"] == first and pod.read("payload/in.txt") == "two\n"
    pod("restore", "payload/in.txt")
    assert pod.read("payload/in.txt") == "one\n"
    assert [done["did"] for done in pod.json("undo")["undone"]] == ["restore"]
    assert pod.read("payload/in.txt") == "two\n"
    assert pod.failure("undo", "-n", "99", code=1)["code"] == "NothingToUndo"
    assert pod.failure("reflog", "nowhere", code=20)["code"] == "RevisionNotFound"


def test_renames_are_shown_and_followed(pod: Cli) -> None:
    (pod.folder / "payload/in.txt").rename(pod.folder / "payload/name.txt")
    assert pod("status").lines[1] == "  renamed   payload/in.txt -> payload/name.txt"
    assert [(rename["from"]["path"], rename["alike"]) for rename in pod.json("status")["renames"]] == [
        ("payload/in.txt", 100)
    ]
    patch = pod("diff").out
    assert "similarity index 100%\nrename from payload/in.txt\nrename to payload/name.txt\n" in patch
    assert " payload/in.txt => payload/name.txt | 0" in pod("diff", "--stat").out
    pod("commit", "-m", "Another name")
    assert "rename to payload/name.txt" in pod("show").out
    followed = pod("log", "--oneline", "--follow", "payload/name.txt").lines
    assert [line.split(" ", 1)[1] for line in followed] == ["(HEAD -> main) Another name", "First version"]
    assert len(pod("log", "--oneline", "HEAD", "payload/name.txt").lines) == 1
    pod("log", "--follow", code=2)
    assert "Ann" in pod("blame", "payload/name.txt").out and "payload/in.txt" in pod("blame", "payload/name.txt").out
    assert pod.json("blame", "HEAD:payload/name.txt")["lines"][0]["original"]["path"] == "payload/in.txt"
    assert pod.failure("blame", "nothing", code=22)["code"] == "PathNotFound"
