"""Who may call, what makes no sense, what is remembered for how long, and what a restart leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from golem_lab import ACTIVITY, MARKET, PATIENCE, PAYMENT, Requestor, run, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.routes import ROUTES
from sovrgit.devnet.golem.server import MOST_PROVIDERS
from sovrgit.devnet.golem.world import Refused, Shelf, World
from sovrgit.errors import DevnetFailed

OPEN = {"/version/get", "/v1/image/info", "/images/{hash}"}


def test_every_call_but_the_harmless_ones_needs_the_app_key(golem: GolemStandIn) -> None:
    for key in ("wrong", golem.variables["YAGNA_APPKEY"][:-1]):
        with httpx.Client(base_url=golem.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
            for route in ROUTES:
                path = route.name.partition(" ")[2]
                status = http.request(route.method, path, timeout=PATIENCE).status_code
                assert (status == 401) == (path not in OPEN), route.name


def test_it_is_on_loopback_only(golem: GolemStandIn) -> None:
    assert golem.url == f"http://127.0.0.1:{golem.port}"
    with socket.socket() as other:
        other.settimeout(0.5)
        # Another address of this machine, where one that listens everywhere would be found.
        assert other.connect_ex(("127.0.0.2", golem.port)) != 0


def test_version_and_identity(golem: GolemStandIn, ada: Requestor) -> None:
    assert ada.get("/version/get")["current"]["version"] == "0.17.6"
    me = ada.get("/me")
    assert me["role"] == "manager" and len(me["identity"]) == 42
    assert ada.get("/net-api/v1/net") == []
    ada.post("/net-api/v1/net", {"ip": "192.168.0.0/24"}, 501)


def test_images(ada: Requestor) -> None:
    known = "d646d7b93083d817846c2ae5c62c72ca0507782385a2e29291a3d376"
    told = ada.get(f"/v1/image/info?hash={known}&count=true")
    assert told["sha3"] == known and told["https"].startswith(ada.golem.url)
    assert ada.http.head(told["http"]).status_code == 200
    tagged = [ada.get(f"/v1/image/info?tag=golem/alpine:{tag}")["sha3"] for tag in ("latest", "latest", "3")]
    assert tagged[0] == tagged[1] != tagged[2] and len(tagged[0]) == 56
    ada.get("/v1/image/info", 400)
    ada.get("/v1/image/info?hash=../x", 400)


def test_paths_and_bodies_that_make_no_sense(ada: Requestor) -> None:
    ada.get("/nothing", 404)
    ada.call("PATCH", "/me", status=404)
    for path in (f"{PAYMENT}/allocations", f"{MARKET}/agreements", f"{ACTIVITY}/activity", "/_devnet/faults"):
        for body in (b"", b"{", b"\xff", b"[" * 100_000):
            assert ada.http.post(path, content=body).status_code == 400


def raw(golem: GolemStandIn, request: bytes) -> bytes:
    """What is answered to bytes that may be no request."""
    with socket.create_connection(("127.0.0.1", golem.port), PATIENCE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b" 400 "),
        (b"GET /me HTTP/9.9\r\n\r\n", b" 505 "),
        (b"POST /me HTTP/1.1\r\nContent-Length: x\r\n\r\n", b" 400 "),
        (b"POST /me HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort", b" 400 "),
        (b"POST /me HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (9 << 20), b" 400 "),
        (b"POST /me HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b" 400 "),
    ],
)
def test_what_is_no_request(golem: GolemStandIn, ada: Requestor, request_: bytes, status: bytes) -> None:
    try:
        answer = raw(golem, request_)
    except ConnectionError:
        # It was not willing to read all of it.
        answer = status
    assert status in answer.split(b"\r\n")[0]
    assert ada.get("/me")["role"] == "manager"


@dataclass
class Thing:
    ended: bool = False


def test_what_has_ended_makes_room() -> None:
    shelf: Shelf[Thing] = Shelf("thing", 3, lambda name: Refused(404, name))
    for name in "abc":
        shelf.put(name, Thing(ended=name == "b"))
    shelf.put("d", Thing())
    with pytest.raises(Refused, match="404"):
        shelf.get("b")
    with pytest.raises(Refused, match="503"):
        shelf.put("e", Thing())
    assert len(shelf.all()) == 3


def test_demands_that_were_taken_back_are_forgotten(ada: Requestor) -> None:
    for _ in range(250):
        ada.call("DELETE", f"{MARKET}/demands/{ada.demand()}")
    kept = [ada.demand() for _ in range(200)]
    assert ada.post(f"{MARKET}/demands", {"properties": {}, "constraints": ""}, 503)["message"]
    assert len(ada.get(f"{MARKET}/demands")) == len(kept)


def test_times_are_told_apart() -> None:
    world = World(lambda: 1_700_000_000.0)
    times = [world.now() for _ in range(100)]
    assert times == sorted(set(times))
    world.close()


def test_the_log_tells_no_secrets(tmp_path: Path) -> None:
    lines: list[str] = []
    with GolemStandIn(tmp_path / "golem", namespaces=False, log=lines.append) as golem:
        ada = Requestor(golem)
        allocation = ada.allocate()["allocationId"]
        agreement = ada.agree()
        activity = ada.activity(agreement)
        ada.shell(activity, "echo hidden")
        text = "\n".join(lines)
        assert "POST /activity-api/v1/activity/{id}/exec 200" in text
        for secret in (golem.variables["YAGNA_APPKEY"], allocation, agreement, activity, "hidden"):
            assert secret not in text
        assert golem.variables["YAGNA_APPKEY"] not in repr(golem._home.identity)


def test_what_is_in_the_folder_is_for_its_owner(golem: GolemStandIn) -> None:
    for name in ("", "env", "identity.json", "published", "activities"):
        assert (golem.folder / name).stat().st_mode & 0o077 == 0, name


def test_a_shell_reads_what_to_export(golem: GolemStandIn) -> None:
    script = f'. "{golem.folder}/env"; echo "$YAGNA_APPKEY $YAGNA_API_URL $PATH $PYTHONPATH"'
    environ = {"PATH": "/usr/bin:/bin"}
    said = subprocess.run(["/bin/sh", "-c", script], env=environ, capture_output=True, text=True, check=True).stdout
    key, url, path, modules = said.split()
    assert (key, url) == (golem.variables["YAGNA_APPKEY"], golem.url)
    assert path == f"{golem.folder}/bin:/usr/bin:/bin" and modules == f"{golem.folder}/python"


def test_one_folder_one_stand_in(golem: GolemStandIn, tmp_path: Path) -> None:
    with pytest.raises(DevnetFailed, match="served by another"):
        GolemStandIn(golem.folder)
    with pytest.raises(DevnetFailed, match=rf"port {golem.port} of this machine is taken") as caught:
        GolemStandIn(tmp_path / "other", port=golem.port, namespaces=False)
    assert "--golem-port" in caught.value.hint
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis").touch()
    with pytest.raises(DevnetFailed, match="something else"):
        GolemStandIn(tmp_path / "home")
    for count in (0, MOST_PROVIDERS + 1):
        with pytest.raises(ValueError, match="providers"):
            GolemStandIn(tmp_path / "third", providers=count)


def test_a_restart_keeps_who_one_is_and_nothing_else(tmp_path: Path) -> None:
    with GolemStandIn(tmp_path / "golem", namespaces=False) as golem:
        ada = Requestor(golem)
        me, key, port = ada.get("/me"), golem.variables["YAGNA_APPKEY"], golem.port
        activity = ada.activity()
    golem.close()
    with GolemStandIn(tmp_path / "golem", namespaces=False, port=port) as golem:
        ada = Requestor(golem)
        assert ada.get("/me") == me and golem.variables["YAGNA_APPKEY"] == key
        ada.get(f"{ACTIVITY}/activity/{activity}/state", 500)
        assert list((golem.folder / "activities").iterdir()) == []


def test_a_damaged_identity_is_not_replaced_in_silence(tmp_path: Path) -> None:
    GolemStandIn(tmp_path / "golem", namespaces=False).close()
    (tmp_path / "golem" / "identity.json").write_text("{")
    with pytest.raises(DevnetFailed, match="damaged"):
        GolemStandIn(tmp_path / "golem", namespaces=False)


def test_calls_that_wait_end_when_it_closes(tmp_path: Path) -> None:
    golem = GolemStandIn(tmp_path / "golem", namespaces=False)
    ada = Requestor(golem)
    activity = ada.activity()
    ada.send(activity, run("sleep", "600"))
    golem.close()
    with pytest.raises(httpx.TransportError):
        ada.get("/me")


KILLED = """
import sys
from pathlib import Path
from sovrgit.devnet.golem import GolemStandIn
golem = GolemStandIn(Path(sys.argv[1]))
print(golem.port, golem.variables["YAGNA_APPKEY"], flush=True)
sys.stdin.read()
"""


def test_what_runs_does_not_outlive_one_that_was_killed(tmp_path: Path) -> None:
    folder, beat = tmp_path / "golem", "/golem/work/beat"
    process: subprocess.Popen[Any] = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    port, key = process.stdout.readline().split()

    class There:
        url, variables = f"http://127.0.0.1:{port}", {"YAGNA_APPKEY": key}

    There.folder = folder  # type: ignore[attr-defined]
    ada = Requestor(There())  # type: ignore[arg-type] # what it uses of a stand-in
    activity = ada.activity()
    ada.send(activity, run("sh", "-c", f"while :; do echo x >> {beat}; sleep 0.01; done"))
    (place,) = [one / "beat" for one in (folder / "activities" / activity).iterdir() if one.name == "vol-2"]
    wait_until(place.exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()

    def still() -> bool:
        before = place.stat().st_size
        signal.sigtimedwait([], 0.1)
        return place.stat().st_size == before

    wait_until(still)
    with GolemStandIn(folder, namespaces=False) as golem:
        assert golem.variables["YAGNA_APPKEY"] == key and not place.exists()
