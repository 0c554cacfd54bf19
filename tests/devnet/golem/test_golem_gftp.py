"""The front in the place of the `gftp` tool, and what it makes reachable."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from golem_lab import Requestor, transfer

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.gftp import VERSION, main
from sovrgit.devnet.golem.published import Published

NODE = "0x" + "ab" * 20


class Server:
    """`gftp server`, as requestor scripts start it: by its name, with the PATH that was exported."""

    def __init__(self, golem: GolemStandIn) -> None:
        pipe = subprocess.PIPE
        script = f'. "{golem.folder}/env"; exec gftp server'
        self.process = subprocess.Popen(["/bin/sh", "-c", script], stdin=pipe, stdout=pipe, text=True)

    def ask(self, line: str) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def call(self, method: str, **parameters: Any) -> Any:
        return self.ask(json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}))

    def end(self) -> int:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def test_a_session(golem: GolemStandIn, ada: Requestor, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"content")
    server = Server(golem)
    assert server.call("version") == {"jsonrpc": "2.0", "id": 7, "result": VERSION}
    (made,) = server.call("publish", files=[str(source)])["result"]
    node = ada.get("/me")["identity"]
    assert made == {"file": str(source), "url": f"gftp://{node}/{hashlib.sha3_256(b'content').hexdigest()}"}
    received = server.call("receive", output_file=str(target))["result"]
    # At once, and empty: as the real one does.
    assert received["file"] == str(target) and target.read_bytes() == b""

    activity = ada.activity()
    found = ada.execute(
        activity,
        transfer(made["url"], "container:/golem/work/x"),
        transfer("container:/golem/work/x", received["url"]),
    )
    assert [one["result"] for one in found] == ["Ok", "Ok"] and target.read_bytes() == b"content"

    assert server.call("close", urls=[made["url"], made["url"], "gftp://x"])["result"] == ["ok", "error", "error"]
    assert (
        "nothing is published" in ada.execute(activity, transfer(made["url"], "container:/golem/work/x"))[0]["message"]
    )
    assert server.call("shutdown")["result"] == "ok" and server.end() == 0
    assert list((golem.folder / "published").iterdir()) == []


def test_requests_that_make_no_sense(golem: GolemStandIn, tmp_path: Path) -> None:
    server = Server(golem)
    for line in ("{", "[]", "1", "{}", '{"method": "dance", "id": 1}'):
        assert server.ask(line)["error"]["code"] in (-32700, -32601)
    assert server.call("publish")["error"]["code"] == -32602
    assert server.call("publish", files=[str(tmp_path / "absent")])["error"]["code"] == -32000
    assert server.call("receive", output_file=str(tmp_path / "no" / "folder"))["error"]["code"] == -32000
    assert server.call("version")["result"] == VERSION
    assert server.end() == 0


@pytest.mark.parametrize(
    "url", [f"gftp://{NODE}/../../etc/passwd", "gftp://x/y", f"gftp://0x{'00' * 20}/{'a' * 64}", ""]
)
def test_addresses_lead_nowhere_else(tmp_path: Path, url: str) -> None:
    published = Published(tmp_path, NODE)
    assert published.source(url) is None and published.destination(url) is None and not published.close(url)


def test_its_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), NODE, "version"]) == 0
    assert capsys.readouterr().out == f"gftp {VERSION}\n"
    assert main([str(tmp_path), NODE, "dance"]) == 2
    assert capsys.readouterr().err.startswith("usage: gftp")
