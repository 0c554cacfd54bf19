"""`sovr devnet`, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from standin_lab import PATIENCE, Person

HINT_TO_START = "no stand-in is running\nhint: `sovr devnet start` starts one\n"


class Home:
    """The home folder of somebody who uses `sovr devnet`."""

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

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "sovrgit", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=self.folder, env=self.environ, stdout=pipe, stderr=pipe, text=True)

    def sovr(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What the command prints to both streams."""
        process = self.popen(*arguments)
        out, err = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == code, (out, err)
        return out, err

    def json(self, *arguments: str, code: int = 0, part: str = "fairos") -> Any:
        """What the command prints as JSON, checked against its schema."""
        out, err = self.sovr("--json", "devnet", *arguments, code=code)
        assert err == ""
        document = json.loads(out)
        schema = json.loads(files("sovrgit.ui").joinpath("schemas", "devnet.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)
        return document[part]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    process = made.popen("devnet", "stop")
    process.communicate(timeout=2 * PATIENCE)


def test_from_start_to_stop(home: Home) -> None:
    assert home.sovr("devnet", "status", code=1) == ("", HINT_TO_START)
    out, err = home.sovr("devnet", "start", "--port", "0")
    data = home.folder / "state" / "sovr" / "devnet" / "fairos"
    url = out.split()[3]
    lines = out.splitlines()
    assert lines[:2] == [f"FairOS stand-in at {url}", f"data in {data}"]
    assert lines[2].startswith("Golem stand-in at http://127.0.0.1:") and lines[2].endswith(", with 4 providers")
    assert lines[3].startswith("what they run is ") and len(lines) == 4
    login = f"sovr login --new --user NAME --server {url}"
    golem, fairos = err.splitlines()
    assert golem.startswith(f"hint: `. {data.with_name('golem')}/env` sets YAGNA_APPKEY, YAGNA_API_URL")
    assert fairos == f"hint: `{login}` makes an account; `sovr devnet stop` ends it"
    ada = Person(url).sign_up()
    reference = ada.pod()
    ada.put("f", b"text")

    assert home.sovr("devnet", "status")[0] == home.sovr("devnet")[0] == out
    assert home.sovr("-q", "devnet")[0] == f"{url}\n"
    assert f"log in {data}.log" in home.sovr("-v", "devnet")[0]
    again = home.sovr("devnet", "start", code=84)
    assert again == ("", f"error: a stand-in runs already, at {url}\nhint: `sovr devnet stop` ends it\n")

    assert home.sovr("devnet", "stop") == ("", f"stopped; the data stays in {data}\n")
    assert home.sovr("devnet", "stop", code=1) == ("", HINT_TO_START)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE)

    home.sovr("devnet", "start", "--port", url.rpartition(":")[2])
    assert ada.log_in().public(reference, "/f").content == b"text"


def test_as_json(home: Home) -> None:
    nothing = {"running": False, "url": None, "port": None, "folder": None, "pid": None, "started": None}
    log = {"log": str(home.folder / "state" / "sovr" / "devnet" / "fairos.log")}
    assert home.json("status", code=1) == nothing | log
    started = home.json("start", "--port", "0", "--folder", "here")
    assert started["running"] and started["folder"] == str(home.folder / "here")
    assert started["url"] == f"http://127.0.0.1:{started['port']}"
    assert home.json("status") == home.json() == started
    assert home.json("stop") == started | {"running": False}
    assert home.json("stop", code=1) == nothing | log


def test_after_being_killed_it_starts_again_with_the_data(home: Home) -> None:
    first = home.json("start", "--port", "0")
    ada = Person(first["url"]).sign_up()
    reference = ada.pod()
    ada.put("f", b"text")
    os.kill(first["pid"], signal.SIGKILL)

    assert home.sovr("devnet", "start", "--port", "0")[0].startswith("FairOS stand-in at ")
    second = home.json("status")
    assert second["pid"] != first["pid"]
    assert Person(second["url"]).log_in().public(reference, "/f").content == b"text"


def test_a_port_that_is_taken(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        out, err = home.sovr("devnet", "start", "--port", port, code=84)
    assert out == ""
    assert err == (
        f"error: port {port} of this machine is taken\n"
        "hint: choose another one with `--port`; 0 stands for any that is free\n"
    )
    assert home.json("status", code=1)["running"] is False


def test_a_folder_that_holds_something_else(home: Home) -> None:
    (home.folder / "thesis").mkdir()
    (home.folder / "thesis" / "text").touch()
    _, err = home.sovr("devnet", "start", "--port", "0", "--folder", "thesis", code=84)
    assert err.startswith(f"error: `{home.folder / 'thesis'}` holds something else than a stand-in's data\n")


def test_latency_faults_and_the_log(home: Home) -> None:
    started = home.json(
        *("start", "--port", "0", "--latency", "1.5"), "--fault", "error,call=/version,times=0,status=503,text=a"
    )
    person = Person(started["url"])
    assert [person.http.get("/version").status_code for _ in range(2)] == [503, 503]
    person.http.get("/public-file", params={"sharingRef": "ab" * 32, "filePath": "/secret"})
    home.sovr("devnet", "stop")
    log = Path(started["log"]).read_text()
    assert "GET /version 503, 0 B in, " in log and "GET /public-file 500, " in log
    assert "ab" * 32 not in log and "secret" not in log


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fault", "nonsense"), "invalid value for `--fault`: no such fault: `nonsense`; there are slow, "),
        (("--fault", "{"), "invalid value for `--fault`: Expecting property name"),
        (("--port", "70000"), "invalid value for `--port`: 70000 is not in the range 0<=x<=65535"),
        (("--latency", "-1"), "invalid value for `--latency`: -1.0 is not in the range x>=0"),
    ],
)
def test_options_that_make_no_sense(home: Home, arguments: tuple[str, ...], said: str) -> None:
    _, err = home.sovr("devnet", "start", *arguments, code=2)
    assert err.startswith(f"error: {said}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground(home: Home, number: int) -> None:
    with home.popen("-v", "devnet", "start", "--port", "0", "--foreground") as process:
        assert process.stdout and process.stderr
        url = process.stdout.readline().split()[3]
        assert Person(url).http.get("/").text == "OK\n"
        assert home.json("status")["url"] == url
        _, err = home.sovr("devnet", "start", "--port", "0", "--folder", "other", "--foreground", code=84)
        assert err.startswith(f"error: a stand-in runs already, at {url}\n")
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        said = process.stderr.read()
    said = said.partition("\n")[2]
    assert said.startswith("hint: press Ctrl-C to end it\nGET / 200, 0 B in, 3 B out, ")
    assert home.sovr("devnet", "status", code=1) == ("", HINT_TO_START)


def test_nothing_is_served_and_little_is_loaded_by_importing() -> None:
    heavy = ("http.server", "python_multipart", "sovrgit.devnet.fairos", "platformdirs")
    script = (
        "import sys, threading, sovrgit.commands.devnet, sovrgit.ui.devnetview, sovrgit.devnet.background;"
        f"assert not set({heavy!r}) & set(sys.modules), sorted(sys.modules);"
        "import sovrgit.devnet.fairos; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
