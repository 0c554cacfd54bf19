"""Daemons that cannot be used: each is told from the others, and nothing is run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from golem_pod import GolemPod

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import (
    GolemKeyRefused,
    GolemNetworkWrong,
    GolemTooOld,
    GolemUnavailable,
    GolemWithoutFunds,
)
from sovrgit.runs.golem.daemon import Daemon, real_daemon, running_devnet

NEW = {"current": {"version": "0.17.6"}}
ACCOUNT = {"platform": "erc20-hoodi-tglm", "network": "hoodi", "send": True}
GOOD: Mapping[str, Any] = {
    "/version/get": NEW,
    "/me": {"identity": "0xabc"},
    "/payment-api/v1/requestorAccounts": [ACCOUNT],
    "/payment-api/v1/status": {"amount": "3", "reserved": "1"},
}


@contextmanager
def daemon(answers: Mapping[str, Any]) -> Iterator[str]:
    """Something that answers with JSON, or with a status and text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = answers.get(self.path.partition("?")[0], (404, "{}"))
            status, text = given if isinstance(given, tuple) else (200, json.dumps(given))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def look(answers: Mapping[str, Any], path: Path, budget: str = "1", **environ: str) -> Daemon:
    (path / "gftp").touch(mode=0o755)
    with daemon(answers) as url:
        found = {"YAGNA_API_URL": url + "/", "YAGNA_APPKEY": "key", "PATH": str(path), **environ}
        return real_daemon(found, "hoodi", Decimal(budget))


def test_a_daemon_that_can_be_used(tmp_path: Path) -> None:
    found = look(GOOD, tmp_path, budget="2")
    assert (found.version, found.requestor, found.emulated) == ("0.17.6", "0xabc", False)
    assert found.gftp == tmp_path / "gftp" and not found.url.endswith("/") and "key" not in repr(found)


def test_no_daemon() -> None:
    with daemon({}) as url:
        pass
    with pytest.raises(GolemUnavailable, match="nothing listens there") as caught:
        real_daemon({"YAGNA_API_URL": url, "YAGNA_APPKEY": "key"}, "hoodi", Decimal(1))
    assert "yagna service run" in caught.value.hint and "--on devnet" in caught.value.hint


@pytest.mark.parametrize(
    "answers",
    [{}, {"/version/get": "hello"}, {"/version/get": (200, "<html>")}, {"/version/get": (200, "x" * (2 << 20))}],
)
def test_something_else(tmp_path: Path, answers: Mapping[str, Any]) -> None:
    with pytest.raises(GolemUnavailable, match="no Golem daemon"):
        look(answers, tmp_path)


@pytest.mark.parametrize("url", ["http://[", "ftp://127.0.0.1", "nonsense"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(GolemUnavailable):
        real_daemon({"YAGNA_API_URL": url, "YAGNA_APPKEY": "key"}, "hoodi", Decimal(1))


@pytest.mark.parametrize("version", ["0.17.3", "0.12.2", "unknown", "0.9"])
def test_an_old_daemon(tmp_path: Path, version: str) -> None:
    with pytest.raises(GolemTooOld, match=r"0\.17\.4"):
        look({**GOOD, "/version/get": {"current": {"version": version}}}, tmp_path)


def test_a_newer_daemon(tmp_path: Path) -> None:
    for version in ("0.17.4", "0.18.0-rc1", "1.0"):
        assert look({**GOOD, "/version/get": {"current": {"version": version}}}, tmp_path).version == version


def test_no_app_key_or_a_wrong_one(tmp_path: Path, devnet: GolemStandIn) -> None:
    with pytest.raises(GolemKeyRefused, match="YAGNA_APPKEY is not set"):
        look(GOOD, tmp_path, YAGNA_APPKEY="")
    with pytest.raises(GolemKeyRefused, match="characters"):
        look(GOOD, tmp_path, YAGNA_APPKEY="a key\n")
    with pytest.raises(GolemKeyRefused) as caught:
        real_daemon({"YAGNA_API_URL": devnet.url, "YAGNA_APPKEY": "s3cret"}, "hoodi", Decimal(1))
    assert "s3cret" not in caught.value.message and "yagna app-key create" in caught.value.hint


@pytest.mark.parametrize(
    "accounts", [[], [{**ACCOUNT, "platform": "erc20-holesky-tglm"}], [{**ACCOUNT, "send": False}], (500, "{}")]
)
def test_the_wrong_network(tmp_path: Path, accounts: Any) -> None:
    with pytest.raises(GolemNetworkWrong, match="`hoodi`") as caught:
        look({**GOOD, "/payment-api/v1/requestorAccounts": accounts}, tmp_path)
    assert "yagna payment init --sender --network hoodi" in caught.value.hint


def test_no_funds(tmp_path: Path) -> None:
    with pytest.raises(GolemWithoutFunds, match=r"there are 2 tglm for a budget of 2\.5 on `hoodi`"):
        look(GOOD, tmp_path, budget="2.5")


@pytest.mark.parametrize("status", [(500, "{}"), (200, "[]"), {"amount": "much", "reserved": "0"}, {}])
def test_a_daemon_that_does_not_know_what_there_is(tmp_path: Path, status: Any) -> None:
    assert look({**GOOD, "/payment-api/v1/status": status}, tmp_path, budget="1000").version == "0.17.6"


def test_no_gftp(tmp_path: Path) -> None:
    with pytest.raises(GolemUnavailable, match="gftp"):
        look(GOOD, tmp_path, PATH=str(tmp_path / "nothing"))


def test_a_devnet_whose_folder_is_gone(tmp_path: Path, devnet: GolemStandIn) -> None:
    assert running_devnet(devnet.url, devnet.folder).emulated
    with pytest.raises(GolemUnavailable, match="does not say"):
        running_devnet(devnet.url, tmp_path / "nothing")


def test_a_run_on_a_daemon_that_cannot_be_used_is_none(lab: GolemPod) -> None:
    """Not even a record is made, and the earlier output is there again."""
    lab.script("leave()")
    assert lab.run().run.succeeded
    before = (lab.pod.root / "output" / "out.txt").stat().st_ino
    wish = {"on": "golem", "network": "hoodi", "budget": Decimal(1)}
    with daemon({}) as url:
        pass
    lab.refused(GolemUnavailable, wish=wish, environ={"YAGNA_API_URL": url})
    lab.refused(GolemKeyRefused, wish=wish, environ={"YAGNA_API_URL": lab.devnet.url})
    assert (lab.pod.root / "output" / "out.txt").stat().st_ino == before
    assert len([name for name in lab.pod.refs.read().values if name.startswith("refs/runs/")]) == 0


def test_funds_that_are_gone_when_they_are_needed(lab: GolemPod) -> None:
    """As on a network whose node does not answer: the daemon cannot tell before, and refuses the allocation."""
    lab.script("allocate('100000')")
    run = lab.run(wish={"budget": Decimal(1_000_000)}).run
    assert not run.succeeded and "the daemon sets no money aside" in run.reason
