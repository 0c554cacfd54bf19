"""`sovr gc`, and what is tidied without being asked."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from command_lab import Cli

from sovrgit.pod import gc


def test_gc(pod: Cli) -> None:
    for number in range(3):
        pod.write("payload/in.txt", f"{number}\n")
        pod("commit", "-m", str(number))
    told = pod.json("gc", "--dry-run")
    assert (told["dry_run"], told["objects"]) == (True, 0)
    assert pod("gc").lines == ["4 packs became 1"]
    assert pod("gc").lines == ["nothing to collect"]
    assert pod.json("gc", "--grace", "0")["packs_after"] == 1
    assert pod("gc", "--auto").out == ""
    pod("fsck")


def test_many_small_packs_are_folded_in_the_background(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    real = subprocess.Popen

    def watched(arguments: list[str], **options: Any) -> Any:
        started.append(arguments)
        return real(arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    monkeypatch.setattr(gc, "MANY", 2)
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "Two")
    assert [arguments[-2:] for arguments in started] == [["gc", "--auto"]]
    pod("config", "gc.auto", "false")
    pod.write("payload/in.txt", "three\n")
    pod("commit", "-m", "Three")
    assert len(started) == 1


def test_repair_and_a_look_at_a_remote(pod: Cli) -> None:
    pod.share()
    found = pod.json("fsck", "--remote", "origin")
    assert (found["sound"], found["remote"]) == (True, "origin") and found["packs"] == found["packs_there"] > 0
    assert pod("fsck", "--remote", "origin", "--sample", "10").lines[0].startswith("origin is whole")
    assert pod("fsck", "--repair").lines == ["everything is whole"]
    for pack in (pod.folder / ".sovr/packs").iterdir():
        pack.unlink()
    said = pod("fsck", code=1)
    assert "damaged: refs/heads/main" in said.out and "sovr fsck --repair" in said.err
    said = pod("fsck", "--repair")
    assert said.lines[0] == "asked origin" and said.lines[-1] == "everything is whole again"
    assert pod("cat", "payload/in.txt").out == "one\n"
    for words in (["--sample", "5"], ["--repair", "--remote", "origin"], ["--sample", "0", "--remote", "origin"]):
        pod("fsck", *words, code=2)


def test_what_is_lost_is_named(pod: Cli) -> None:
    for pack in (pod.folder / ".sovr/packs").iterdir():
        pack.unlink()
    lost = pod.json("fsck", "--repair", code=1)["lost"]
    assert len(lost) == 1 and lost[0]["id"] == pod("reflog", "-q").out.strip()
