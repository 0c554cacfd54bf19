"""Payload of other pods from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sovrgit
from sovrgit.errors import PathNotFound

ANN = "Ann <ann@example.org>"


def test_payload_from_python(tmp_path: Path) -> None:
    with (
        sovrgit.init(tmp_path / "data", author=ANN, command="true") as data,
        sovrgit.init(tmp_path / "pod", author=ANN, command="cp payload/external/model.bin output/") as pod,
    ):
        (data.root / "model.bin").write_text("model\n")
        data.commit("Data")
        pod.commit("First version")
        assert pod.payload() == []
        change = pod.add_payload("../data", "model.bin")
        assert change.state == "added" and change.new is not None and change.new.commit == data.head
        result = pod.run()
        assert result.run.succeeded and pod.read("output/model.bin") == b"model\n"
        assert [item.id for item in result.run.external] == [change.new.id]
        (data.root / "model.bin").write_text("better\n")
        data.commit("Better")
        assert [state.standing for state in pod.payload()] == ["moved"]
        assert pod.rerun().run.output == result.run.output
        assert pod.verify().verdict.finding == "identical"
        assert [change.state for change in pod.update_payload()] == ["moved"]
        assert pod.run().run.output != result.run.output
        with pytest.raises(PathNotFound):
            pod.update_payload("../nothing")
        assert json.loads((pod.root / "recipe.json").read_text())["golem"]["payload"] == [
            {"ref": "../data", "data": "model.bin"}
        ]
