"""Unmodified programs through the gateway: on yapapi, and on golem-js.

yapapi is that of the interpreter that runs the tests, or that `SOVR_TEST_YAPAPI_PYTHON` names. golem-js is in the
`node_modules` folder that `SOVR_TEST_GOLEM_JS` names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from gateway_lab import NOTHING_OPEN, Front, front, left_open
from test_golem_yapapi import FILES, HELLO, PYTHON, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.runs.golem.receipts import receipts_from

MODULES = os.environ.get("SOVR_TEST_GOLEM_JS", "")
NODE = shutil.which("node")
needs_golem_js = pytest.mark.skipif(
    NODE is None or not (Path(MODULES) / "@golem-sdk" / "golem-js").is_dir(),
    reason="no Node, or SOVR_TEST_GOLEM_JS names no `node_modules` with @golem-sdk/golem-js",
)
PATIENCE = 120.0

# Polling, following, files; a tag that the registry must know, or an address.
JAVASCRIPT = """
import { writeFileSync, readFileSync } from "node:fs";
import { GolemNetwork } from "@golem-sdk/golem-js";

const hash = "ab".repeat(28);
const image = process.env.BY_URL
  ? { imageUrl: `${process.env.GOLEM_REGISTRY_URL}/images/${hash}`, imageHash: hash }
  : { imageTag: "golem/alpine:latest" };
const network = new GolemNetwork({
  api: { key: process.env.YAGNA_APPKEY, url: process.env.YAGNA_API_URL },
  payment: { driver: "erc20", network: "hoodi" },
  dataTransferProtocol: "gftp",
});
try {
  await network.connect();
  const pricing = { model: "linear", maxStartPrice: 0.5, maxCpuPerHourPrice: 1.0, maxEnvPerHourPrice: 0.5 };
  const rental = await network.oneOf({
    order: { demand: { workload: image, subnetTag: "dead" }, market: { rentHours: 0.5, pricing } },
  });
  const unit = await rental.getExeUnit();
  const result = await unit.run("echo $((6 * 7))");
  console.log("ran", result.stdout.trim());
  const process_ = await unit.runAndStream("for i in 1 2 3; do echo line $i; done");
  let seen = "";
  await new Promise((done) => process_.stdout.subscribe({ next: (text) => (seen += text), complete: done }));
  console.log(seen.split("\\n").join(","));
  writeFileSync("up.txt", "from here");
  await unit.uploadFile("up.txt", "/golem/work/up.txt");
  await unit.run("tr a-z A-Z < /golem/work/up.txt > /golem/work/down.txt");
  await unit.downloadFile("/golem/work/down.txt", "down.txt");
  console.log(readFileSync("down.txt", "utf8"));
  await rental.stopAndFinalize();
} finally {
  await network.disconnect();
}
"""


def play(argv: list[str], folder: Path, golem: GolemStandIn, ada: Front | None, **more: str) -> str:
    """What a program prints that knows the gateway; or the stand-in, if there is nobody before it."""
    variables: Mapping[str, str] = dict(golem.variables)
    if ada is not None:
        variables = {**variables, "YAGNA_APPKEY": ada.gateway.key, "YAGNA_API_URL": ada.gateway.url}
    environ = {
        "PATH": f"{golem.folder / 'bin'}:{os.defpath}",
        "PYTHONPATH": str(golem.folder / "python"),
        "HOME": str(folder),
        **variables,
        **more,
    }
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def checked(golem: GolemStandIn, ada: Front) -> None:
    """Nothing is open, everything is paid, and the log says so."""
    assert left_open(golem) == NOTHING_OPEN
    made = ada.gateway.receipts()
    assert made == receipts_from(ada.log)
    assert made["subnet"] == "mine" and made["cost"]["unpaid"] == "0" and float(made["cost"]["accepted"]) > 0
    assert len(made["image"]["hash"]) == 56 and not any(line.get("refused") for line in ada.lines())
    commands = [one for two in made["agreements"] for three in two["activities"] for one in three["commands"]]
    assert {one["kind"] for one in commands} >= {"deploy", "start", "run"}
    assert {one["result"] for one in commands} == {"Ok"}
    assert golem.variables["YAGNA_APPKEY"] not in ada.log.read_text()


@needs_yapapi
@pytest.mark.parametrize("script", [HELLO, FILES], ids=["polling", "following"])
def test_yapapi(tmp_path: Path, golem: GolemStandIn, script: str) -> None:
    (tmp_path / "script.py").write_text(script)
    with front(golem, tmp_path / "log", subnet="mine") as ada:
        assert PYTHON is not None
        said = play([PYTHON, "script.py"], tmp_path, golem, ada)
        assert said.split()[1] == "42" if script is HELLO else "paid 0.0" in said
        checked(golem, ada)


def javascript(folder: Path) -> list[str]:
    (folder / "script.mjs").write_text(JAVASCRIPT)
    (folder / "node_modules").symlink_to(Path(MODULES).resolve())
    assert NODE is not None
    return [NODE, "script.mjs"]


@needs_golem_js
def test_golem_js(tmp_path: Path, golem: GolemStandIn) -> None:
    with front(golem, tmp_path / "log", subnet="mine") as ada:
        said = play(javascript(tmp_path), tmp_path, golem, ada)
        assert said.splitlines() == ["ran 42", "line 1,line 2,line 3,", "FROM HERE"]
        checked(golem, ada)


@needs_golem_js
def test_golem_js_without_a_gateway(tmp_path: Path, golem: GolemStandIn) -> None:
    """And with the image at an address, so that no registry is asked."""
    said = play(javascript(tmp_path), tmp_path, golem, None, BY_URL="1")
    assert said.splitlines() == ["ran 42", "line 1,line 2,line 3,", "FROM HERE"]
    assert left_open(golem) == NOTHING_OPEN
