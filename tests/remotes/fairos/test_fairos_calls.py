"""Calls: what exactly is sent, and what is made of what comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fairos_lab import REFERENCE, URL, Answer, Pauses, Pieces, Scripted, body_of, client, message

from sovrgit import __version__
from sovrgit.errors import PostageExhausted, ReadOnly, RemoteUnavailable, UnsafeName
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import Absent, FolderAbsent, PodAbsent, ReferenceAbsent
from sovrgit.remotes.fairos.files import FileEntry, FileStat, Listing
from sovrgit.remotes.fairos.names import check_file_name, check_path, check_pod_name
from sovrgit.remotes.fairos.pods import PodInfo, PodNames
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.timeouts import Timeouts
from sovrgit.remotes.fairos.wire import CONNECTIONS

Do = Callable[[FairOS], Any]


def after(route: str, *answers: Answer) -> tuple[FairOS, Scripted]:
    """A client whose next call gets these answers."""
    server = Scripted().on(route, *answers)
    fairos = client(server)
    fairos.log_in()
    server.seen.clear()
    return fairos, server


def ok(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json=fields)


# --- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "route", "query", "body", "answer"),
    [
        (lambda f: f.pods(), "GET /v1/pod/ls", "", None, ok(pods=[], sharedPods=[])),
        (lambda f: f.make_pod("p"), "POST /v1/pod/new", "", {"podName": "p"}, message(201, "x")),
        (lambda f: f.share_pod("p"), "POST /v1/pod/share", "", {"podName": "p"}, ok(podSharingReference="ab" * 32)),
        (
            lambda f: f.pod_info(REFERENCE),
            "GET /v1/pod/receiveinfo",
            f"sharingRef={REFERENCE.reveal()}",
            None,
            ok(podName="p", podAddress="a", password="x", userAddress="b"),
        ),
        (
            lambda f: f.make_folder("p", "/a"),
            "POST /v1/dir/mkdir",
            "",
            {"podName": "p", "dirPath": "/a"},
            message(201, ""),
        ),
        (lambda f: f.listing("p q", "/a"), "GET /v1/dir/ls", "podName=p+q&dirPath=%2Fa", None, ok()),
        (
            lambda f: f.stat_file("p", "/a/b"),
            "GET /v1/file/stat",
            "podName=p&filePath=%2Fa%2Fb",
            None,
            ok(fileName="b", fileSize="1", blockSize="1000000", modificationTime="5"),
        ),
        (
            lambda f: f.delete_file("p", "/a/b"),
            "DELETE /v1/file/delete",
            "",
            {"podName": "p", "filePath": "/a/b"},
            message(200, "file deleted successfully"),
        ),
        (
            lambda f: f.download("p", "/a/b", 1, lambda _: None),
            "POST /v1/file/download",
            "",
            {"podName": "p", "filePath": "/a/b"},
            httpx.Response(200, content=b"x"),
        ),
        (
            lambda f: f.public_file(REFERENCE, "/a/b c", 1, lambda _: None),
            "GET /public-file",
            f"sharingRef={REFERENCE.reveal()}&filePath=%2Fa%2Fb+c",
            None,
            httpx.Response(200, content=b"x"),
        ),
    ],
)
def test_requests(do: Do, route: str, query: str, body: dict[str, str] | None, answer: httpx.Response) -> None:
    fairos, server = after(route, answer)
    do(fairos)
    (request,) = server.seen
    assert server.routes == [route]
    assert str(request.url) == f"{URL}{request.url.path}" + (f"?{query}" if query else "")
    if body is None:
        assert request.content == b"" and "Content-Type" not in request.headers
    else:
        assert body_of(request) == body
        assert request.headers["Content-Length"] == str(len(request.content))
        assert "Transfer-Encoding" not in request.headers
    assert request.headers["User-Agent"] == f"sovr/{__version__}"
    assert request.headers["Accept-Encoding"] == "identity"
    assert ("Authorization" in request.headers) is (route != "GET /public-file")


def test_how_long_is_waited() -> None:
    server = Scripted().on("GET /v1/pod/ls", ok()).on("GET /public-file", httpx.Response(200))
    fairos = client(server, timeouts=Timeouts(connect=1, write=2, pool=3, answer=4, transfer=5))
    fairos.pods()
    assert server.last.extensions["timeout"] == {"connect": 1, "write": 2, "pool": 3, "read": 4}
    fairos.public_file(REFERENCE, "/a", 1, lambda _: None)
    assert server.last.extensions["timeout"] == {"connect": 1, "write": 2, "pool": 3, "read": 5}
    server = Scripted().on("GET /v1/pod/ls", ok())
    client(server).pods()
    assert server.last.extensions["timeout"] == {"connect": 5, "write": 60, "pool": 10, "read": 120}


def test_the_environment_of_the_process_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    fairos, _ = after("GET /v1/pod/ls", ok())
    fairos.pods()
    assert not fairos._wire._client.trust_env and not fairos._wire._client._mounts


# --- what comes back ------------------------------------------------------------------------------------------------


def test_names_of_pods() -> None:
    for answer, names in (
        (ok(pods=["a", "b"], sharedPods=["c"]), PodNames(["a", "b"], ["c"])),
        (ok(pods=None), PodNames([], [])),
    ):
        assert after("GET /v1/pod/ls", answer)[0].pods() == names


def test_an_empty_list_is_not_believed_at_once() -> None:
    pauses = Pauses()
    server = Scripted().on("GET /v1/pod/ls", ok(pods=[]), ok(pods=[]), ok(pods=["p"]))
    assert client(server, pause=pauses).pod_present("p")
    assert pauses == [0.2, 0.4]
    server = Scripted().on("GET /v1/pod/ls", ok(pods=[]))
    assert not client(server).pod_present("p")
    assert server.routes.count("GET /v1/pod/ls") == 3
    server = Scripted().on("GET /v1/pod/ls", ok(pods=["q"], sharedPods=["p"]))
    assert not client(server).pod_present("p")
    assert server.routes.count("GET /v1/pod/ls") == 1


def test_what_is_there_already_is_no_failure() -> None:
    assert not after("POST /v1/pod/new", message(400, "pod new: pod already exists"))[0].make_pod("p")
    answer = message(500, "mkdir: directory name already present")
    assert not after("POST /v1/dir/mkdir", answer)[0].make_folder("p", "/a")


def test_a_pod_that_was_perhaps_made_is_not_made_again_by_itself() -> None:
    fairos, server = after("POST /v1/pod/new", message(500, "pod new: odd"))
    with pytest.raises(RemoteUnavailable) as failed:
        fairos.make_pod("p")
    assert not isinstance(failed.value, Transient) and len(server.seen) == 1


def test_a_sharing_reference() -> None:
    secret = "Ab" * 32
    shared = after("POST /v1/pod/share", ok(podSharingReference=secret))[0].share_pod("p")
    assert shared == SharingReference.parse(secret)
    for wrong in ("", "ab" * 31, "ab" * 64, "no"):
        with pytest.raises(RemoteUnavailable, match="not a sharing reference"):
            after("POST /v1/pod/share", ok(podSharingReference=wrong))[0].share_pod("p")


def test_what_stands_at_a_reference() -> None:
    answer = ok(podName="p", podAddress="aa", password="secret of the pod", userAddress="bb")
    info = after("GET /v1/pod/receiveinfo", answer)[0].pod_info(REFERENCE)
    assert info == PodInfo("p", "aa", "bb") and "secret" not in repr(info)


def test_a_listing() -> None:
    entry = {"contentType": "", "mode": 33152, "creationTime": "1"}
    files = [{"name": "f", "size": "5", **entry}, {"name": "f", "size": "5", **entry}]
    answer = ok(dirs=[{"name": "d", "contentType": "inode/directory", **entry}], files=files)
    assert after("GET /v1/dir/ls", answer)[0].listing("p", "/") == Listing(["d"], [FileEntry("f", 5)] * 2)
    assert after("GET /v1/dir/ls", ok())[0].listing("p", "/") == Listing([], [])


def test_what_is_known_of_a_file() -> None:
    answer = ok(fileName="f", fileSize="12", blockSize="1000000", modificationTime="99", mode=5)
    assert after("GET /v1/file/stat", answer)[0].stat_file("p", "/f") == FileStat("f", 12, 1_000_000, 99)


@pytest.mark.parametrize("size", ["", "-1", "1.5", "1e3", "٣", "9" * 5000])
def test_numbers_that_are_none(size: str) -> None:
    with pytest.raises(RemoteUnavailable):
        after("GET /v1/file/stat", ok(fileName="f", fileSize=size))[0].stat_file("p", "/f")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Please log in</html>", b"{", b"[]", b'{"pods":"a"}', b'{"pods":[1]}', b"\xff", b'{"a":' * 100_000],
)
def test_answers_that_are_not_of_this_world(body: bytes) -> None:
    with pytest.raises(RemoteUnavailable, match="not what FairOS-DFS sends"):
        after("GET /v1/pod/ls", httpx.Response(200, content=body))[0].pods()


def test_answers_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.remotes.fairos.wire.LARGEST_ANSWER", 1000)
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 100

    fairos, _ = after("GET /v1/pod/ls", httpx.Response(200, stream=Pieces(endless())))
    with pytest.raises(RemoteUnavailable, match="far too long"):
        fairos.pods()
    assert read <= 12


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (message(500, "mkdir: directory not present"), FolderAbsent),
        (message(500, "mkdir: pod does not exist"), PodAbsent),
        (message(500, "mkdir: read only feed"), ReadOnly),
        (message(500, "mkdir: batch is overissued"), PostageExhausted),
        (message(503, ""), Transient),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), RemoteUnavailable),
        (httpx.Response(404, text="404 page not found"), RemoteUnavailable),
    ],
)
def test_failures(answer: httpx.Response, kind: type[Exception]) -> None:
    fairos, server = after("POST /v1/dir/mkdir", answer)
    with pytest.raises(kind):
        fairos.make_folder("p", "/a")
    assert len(server.seen) == 1


def test_nothing_at_a_reference() -> None:
    answer = message(500, "public pod file download: Not Found", code=True)
    with pytest.raises(ReferenceAbsent) as failed:
        after("GET /public-file", answer)[0].read_public_file(REFERENCE, "/a", 1)
    assert isinstance(failed.value, Absent) and not isinstance(failed.value, Transient)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["p", "a b", "x" * 64, "ü" * 32, "/", 'a"b'])
def test_names_of_pods_that_will_do(name: str) -> None:
    assert check_pod_name(name) == name


@pytest.mark.parametrize("name", ["", " p", "p ", "x" * 65, "ü" * 33, "a\nb", "a\0", "\udcff"])
def test_names_that_no_pod_has(name: str) -> None:
    with pytest.raises(UnsafeName):
        check_pod_name(name)


@pytest.mark.parametrize("path", ["/", "/a", "/a/b", "/a b", "/ü"])
def test_paths_that_will_do(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize("path", ["", "a", "a/b", "//", "/a/", "/a//b", "/./a", "/a/..", "/" + "x" * 1000, "/\udcff"])
def test_paths_that_lead_astray(path: str) -> None:
    with pytest.raises(UnsafeName):
        check_path(path)


@pytest.mark.parametrize("name", ["recipe.json", "p-0123", "a.zip", "index.dfs2"])
def test_names_of_files_that_will_do(name: str) -> None:
    assert check_file_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "index.dfs", "refFile", 'a"', "a\r\nb", "a b", "x" * 101, "ü"])
def test_names_that_no_file_gets(name: str) -> None:
    with pytest.raises(UnsafeName):
        check_file_name(name)
    with pytest.raises(UnsafeName):
        client(Scripted()).upload("p", "/", name, b"", 0)


# --- several at once ------------------------------------------------------------------------------------------------


class Gate:
    """Counts the requests that are being answered, and lets them go when as many as can be are there."""

    def __init__(self, expected: int) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._expected = expected

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == self._expected:
                self._full.set()
        assert self._full.wait(20)
        with self._lock:
            self._now -= 1
        return ok(pods=[], message="")


def test_no_more_than_eight_requests_at_once() -> None:
    gate = Gate(CONNECTIONS)
    fairos, _ = after("GET /v1/pod/ls", gate)
    with ThreadPoolExecutor(3 * CONNECTIONS) as pool:
        list(pool.map(lambda _: fairos.pods(), range(5 * CONNECTIONS)))
    assert gate.most == CONNECTIONS == 8


@pytest.mark.parametrize(
    ("route", "pod", "do"),
    [
        ("POST /v1/dir/mkdir", "p", lambda f: f.make_folder("p", "/a")),
        ("POST /v1/file/upload", "p", lambda f: f.upload("p", "/", "f", b"x", 1)),
        ("DELETE /v1/file/delete", "p", lambda f: f.delete_file("p", "/f")),
        ("POST /v1/pod/new", "", lambda f: f.make_pod("p")),
        ("POST /v1/pod/share", "", lambda f: f.share_pod("p")),
    ],
)
def test_one_write_to_a_pod_at_once(route: str, pod: str, do: Do) -> None:
    held = []

    def answer(_: httpx.Request) -> httpx.Response:
        held.append(fairos._writing(pod).locked())
        stored = [{"fileName": "f", "message": "uploaded successfully"}]
        return ok(Responses=stored, podSharingReference="ab" * 32)

    fairos, _ = after(route, answer)
    do(fairos)
    assert held == [True] and not fairos._writing(pod).locked()
    fairos, _ = after(route, message(500, "x: pod does not exist"))
    with pytest.raises(PodAbsent):
        do(fairos)
    assert not fairos._writing(pod).locked()


def test_writes_to_several_pods_at_once() -> None:
    gate = Gate(3)
    fairos, _ = after("POST /v1/dir/mkdir", gate)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: fairos.make_folder(f"p{number}", "/a"), range(3)))
    assert gate.most == 3
