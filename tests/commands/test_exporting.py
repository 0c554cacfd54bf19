"""`sovr export`, end to end."""

from __future__ import annotations

import json

from command_lab import Cli


def test_export(pod: Cli) -> None:
    run = pod.json("run")["id"]
    crate = pod.json("export", run, "--as", "ro-crate", "--output", "../crate", "--with-files")
    assert (crate["run"], crate["files"], crate["named"], crate["not_here"]) == (run, 5, 5, 0)
    assert (pod.folder.parent / "crate" / "outputs" / "output" / "out.txt").read_text() == "one\n"
    said = pod("export", "--as", "prov", "--output", "../run.provn").out
    assert said == f"wrote {pod.folder}/../run.provn: run {run[:10]} as prov\n"
    assert not pod.json("export", "--as", "in-toto", "--output", "../run.json")["signed"]
    assert json.loads((pod.folder.parent / "run.json").read_text())["payloadType"].endswith("in-toto+json")
    assert pod.failure("export", "--as", "prov", "--output", "../run.json", code=11)["code"] == "PodExists"
    assert pod.failure("export", "HEAD~1", "--as", "prov", "--output", "../x", code=63)["code"] == "RunNotFound"
    assert pod("export", "--as", "prov", "--output", "../x", "--with-files", code=2).out == ""
    assert pod.json("status")["clean"]
