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
