"""`sovr devnet`, as far as it is about Golem: one process serves both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from golem_lab import PATIENCE


class House:
    """Somebody's home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "PYTHONWARNINGS": "error",
            "SOVR_CONFIG": "",
        }

    def sovr(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        argv = [sys.executable, "-m", "sovrgit", *arguments]
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout, done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        out, _ = self.sovr("--json", "devnet", *arguments, code=code)
        document = json.loads(out)
        schema = json.loads(files("sovrgit.ui").joinpath("schemas", "devnet.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)
        return document["golem"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.sovr("devnet", "stop", code=1)


def test_from_start_to_stop(house: House) -> None:
    nothing = house.json("status", code=1)
    assert not nothing["running"] and nothing["url"] is nothing["environment"] is None
    fault = "crash,provider=devnet-9"
    started = house.json("start", "--port", "0", "--providers", "9", "--fault", fault, "--fault", "slow,call=/none")
    assert started["running"] and started["providers"] == 9 and started["port"] not in (0, 7475)
    assert started["sandbox"] in ("namespaces", "none") and (started["sandbox"] == "none") == bool(started["reason"])
    assert started == house.json("status")

    script = f'. "{started["environment"]}"; echo "$YAGNA_API_URL $YAGNA_APPKEY"; command -v gftp'
    said = subprocess.run(["/bin/sh", "-c", script], env=house.environ, capture_output=True, text=True, check=True)
    url, key, gftp = said.stdout.split()
    assert url == started["url"] and gftp == f"{started['folder']}/bin/gftp"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
        assert http.get("/me").status_code == 200
        (fault_set,) = http.get("/_devnet/faults").json()
        assert (fault_set["kind"], fault_set["provider"]) == ("crash", "devnet-9")

    # What is shown and logged does not tell the key.
    out, err = house.sovr("-v", "devnet", "status")
    log = (house.folder / "state" / "sovr" / "devnet" / "fairos.log").read_text()
    assert "GET /me 200" in log and not any(key in text for text in (out, err, log))

    stopped = house.json("stop")
    assert not stopped["running"] and stopped["url"] == started["url"]
    assert not house.json("status", code=1)["running"]
    again = house.json("start", "--port", "0", "--golem-port", str(started["port"]))
    assert again["url"] == started["url"] and again["providers"] == 4
    house.json("stop")


def test_a_port_that_is_taken(house: House) -> None:
    started = house.json("start", "--port", "0")
    other = House(house.folder / "other")
    other.folder.mkdir()
    _, err = other.sovr("devnet", "start", "--port", "0", "--golem-port", str(started["port"]), code=84)
    assert f"port {started['port']} of this machine is taken" in err and "--golem-port" in err
    assert not other.json("status", code=1)["running"]
    house.json("stop")


def test_images(house: House) -> None:
    image = house.folder / "image" / "golem" / "bin"
    image.mkdir(parents=True)
    _, err = house.sovr("devnet", "start", "--port", "0", "--image", "me/tool:1=absent", code=84)
    if "no images without namespaces" in err:
        pytest.skip(err)
    assert "absent` does not exist" in err and not house.json("status", code=1)["running"]
    started = house.json("start", "--port", "0", "--image", "me/tool:1=image")
    (known,) = started["images"]
    assert (known["name"], known["path"]) == ("me/tool:1", str(house.folder / "image"))
    info = httpx.get(f"{started['url']}/v1/image/info?tag=me/tool:1", trust_env=False).json()
    assert (info["sha3"], info["size"]) == (known["sha3"], 0)
    assert f"the image me/tool:1 is {house.folder / 'image'}" in house.sovr("devnet", "status")[0]
    house.json("stop")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fault", "crash,call=/x"), "a fault of a provider has no `call`"),
        (("--fault", "nonsense"), "for Golem rejection, no-activity"),
        (("--fault", "[1]"), "no such fault: `[1]`"),
        (("--image", "x"), "`x` is not like HASH=PATH or TAG=PATH"),
        (("--providers", "0"), "0 is not in the range"),
        (("--golem-port", "-1"), "-1 is not in the range"),
    ],
)
def test_options_of_golem_that_make_no_sense(house: House, arguments: tuple[str, ...], said: str) -> None:
    _, err = house.sovr("devnet", "start", *arguments, code=2)
    assert said in err
