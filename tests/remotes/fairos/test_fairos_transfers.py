"""Files on their way: exact lengths, bounded memory, bounds, and what breaks off."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairos_lab import REFERENCE, Pieces, Scripted, client, form_of, message
from server_suite import Total

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import FileUnstable, ReadOnly, RemoteDamaged, StorageFailure
from sovrgit.remotes.base import Transient, with_retries
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import FileAbsent, PodAbsent
from sovrgit.remotes.fairos.upload import block_size, upload_body

STORED = httpx.Response(200, json={"Responses": [{"fileName": "f", "message": "uploaded successfully"}]})
UPLOAD = "POST /v1/file/upload"
DOWNLOAD = "POST /v1/file/download"


def ignore(_: object) -> None:
    """Neither kept nor counted."""


# --- up -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 262_144, 600_000])
@pytest.mark.parametrize("from_file", [True, False])
def test_the_form_of_an_upload(tmp_path: Path, size: int, from_file: bool) -> None:
    data = os.urandom(size)
    source = tmp_path / "source"
    source.write_bytes(data + b"more")
    server, told = Scripted().on(UPLOAD, STORED), Total()
    client(server).upload("my pod ü", "/a/b", "f", source if from_file else data, size, told)
    request = server.last
    assert request.headers["Content-Length"] == str(len(request.content)) and told.done == size
    assert "Transfer-Encoding" not in request.headers
    parts = form_of(request)
    assert parts.pop("files") == ("f", data)
    assert {key: value[1].decode() for key, value in parts.items()} == {
        "podName": "my pod ü",
        "dirPath": "/a/b",
        "blockSize": "1000000",
        "overwrite": "true",
    }
    assert all(filename is None for filename, _ in parts.values())
    assert "fairOS-dfs-Compression" not in request.headers
    assert request.extensions["timeout"]["read"] == 600


@pytest.mark.parametrize(
    ("size", "block"),
    [
        (0, 1_000_000),
        (8_000_000, 1_000_000),
        (8_000_001, 1_000_001),
        (32 << 20, 4 << 20),
        (64_000_000, 8_000_000),
        (1 << 40, 8_000_000),
    ],
)
def test_block_sizes_are_those_that_servers_take(size: int, block: int) -> None:
    assert block_size(size) == block


def test_a_boundary_is_new_every_time() -> None:
    types = {upload_body({}, "f", b"", 0, ignore).content_type for _ in range(10)}
    assert len(types) == 10


@pytest.mark.parametrize(
    "answer",
    [
        {"Responses": []},
        {"Responses": [{"fileName": "g", "message": "uploaded successfully"}]},
        {"Responses": [{"fileName": "f", "message": "open: too many open files"}]},
    ],
)
def test_an_upload_that_is_not_confirmed(answer: dict[str, Any]) -> None:
    with pytest.raises(Transient, match="did not confirm"):
        client(Scripted().on(UPLOAD, httpx.Response(200, json=answer))).upload("p", "/", "f", b"x", 1)


def test_an_upload_is_sent_again_when_the_session_is_lost(tmp_path: Path) -> None:
    data = os.urandom(500_000)
    source = tmp_path / "source"
    source.write_bytes(data)
    server, told = Scripted().on(UPLOAD, message(500, "file upload: user not logged-in"), STORED), Total()
    client(server).upload("p", "/", "f", source, len(data), told)
    assert [form_of(request)["files"][1] for request in server.seen if request.url.path.endswith("upload")] == [
        data
    ] * 2
    assert told.done == len(data)


def test_a_source_that_shrank(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"short")
    with StandIn(tmp_path / "fairos") as server, FairOS(ServerAddress.parse(server.url)) as fairos:
        fairos.sign_up("ann", "a long password")
        fairos.make_pod("p")
        with pytest.raises(FileUnstable):
            fairos.upload("p", "/", "f", source, 1_000_000)
        with pytest.raises(StorageFailure):
            fairos.upload("p", "/", "f", tmp_path / "none", 1)
        with pytest.raises(FileAbsent):
            fairos.read_file("p", "/f", 10)
        fairos.upload("p", "/", "f", source, 5)
        assert fairos.read_file("p", "/f", 10) == b"short"


class Swallows(httpx.BaseTransport):
    """Takes an upload without keeping it."""

    def __init__(self) -> None:
        self.largest = 0
        self.total = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/file/upload":
            return httpx.Response(200, stream=Pieces([b'{"accessToken":"t","address":"0x1"}']))
        assert isinstance(request.stream, Iterable)
        for piece in request.stream:
            self.largest = max(self.largest, len(piece))
            self.total += len(piece)
        return httpx.Response(200, stream=Pieces([STORED.content]))


def test_files_are_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    size = 64 << 20
    source = tmp_path / "source"
    with open(source, "wb") as file:
        file.truncate(size)
    up = Swallows()
    down = Scripted().on(DOWNLOAD, httpx.Response(200, stream=Pieces(bytes(1 << 16) for _ in range(size >> 16))))
    tracemalloc.start()
    try:
        client(up).upload("p", "/", "f", source, size)
        received = client(down).download("p", "/f", size, ignore)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert up.total > size == received.size
    assert up.largest <= 1 << 20 and peak < 8 << 20


# --- down -----------------------------------------------------------------------------------------------------------


def body(*pieces: bytes, length: int | None = None) -> httpx.Response:
    headers = {} if length is None else {"Content-Length": str(length)}
    return httpx.Response(200, headers=headers, stream=Pieces(pieces))


@pytest.mark.parametrize(
    ("limit", "taken", "cut"), [(0, b"", True), (4, b"abcd", True), (5, b"abcde", True), (6, b"abcdef", False)]
)
def test_the_limit(limit: int, taken: bytes, cut: bool) -> None:
    for length in (6, None):
        got, told = bytearray(), Total()
        fairos = client(Scripted().on(DOWNLOAD, body(b"abc", b"", b"def", length=length)))
        assert fairos.download("p", "/f", limit, got.extend, told) == (len(taken), cut)
        assert got == taken and told.done == len(taken)


def test_nothing_is_read_beyond_the_limit() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield bytes(1000)

    fairos = client(Scripted().on("GET /public-file", httpx.Response(200, stream=Pieces(endless()))), None)
    assert fairos.public_file(REFERENCE, "/f", 10_000, ignore) == (10_000, True)
    assert read == 11


def test_a_body_that_is_shorter_than_it_was_said_to_be() -> None:
    for route, do in (
        (DOWNLOAD, lambda fairos: fairos.read_file("p", "/f", 100)),
        ("GET /public-file", lambda fairos: fairos.read_public_file(REFERENCE, "/f", 100)),
        ("GET /v1/pod/ls", lambda fairos: fairos.pods()),
    ):
        with pytest.raises(Transient, match="cut off after 3 of 6 bytes"):
            do(client(Scripted().on(route, body(b"abc", length=6))))


def test_small_files_that_are_not_small() -> None:
    fairos = client(Scripted().on(DOWNLOAD, body(b"abc")))
    with pytest.raises(RemoteDamaged, match="`/f` has more than 2 bytes"):
        fairos.read_file("p", "/f", 2)


def test_what_the_writer_raises_is_raised() -> None:
    class FullDisk(Exception):
        """Something of the caller's own."""

    def write(_: bytes) -> None:
        raise FullDisk

    with pytest.raises(FullDisk):
        client(Scripted().on(DOWNLOAD, body(b"abc"))).download("p", "/f", 10, write)

    def fail(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        client(Scripted().on(DOWNLOAD, body(b"abc"))).download("p", "/f", 10, fail)


def test_compressed_bodies_are_taken_as_they_are() -> None:
    import gzip

    bomb = gzip.compress(bytes(10_000_000))
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Pieces([bomb]))
    got = bytearray()
    client(Scripted().on(DOWNLOAD, answer)).download("p", "/f", 1 << 20, got.extend)
    assert got == bomb


# --- the stand-in's faults ------------------------------------------------------------------------------------------


class Lab:
    """A stand-in, a user with a file, and a stranger who has the reference."""

    def __init__(self, server: StandIn) -> None:
        self.server = server
        address = ServerAddress.parse(server.url)
        self.ann = FairOS(address, pause=ignore)
        self.nobody = FairOS(address, pause=ignore)
        self.ann.sign_up("ann", "a long password")
        self.ann.make_pod("p")
        self.ann.upload("p", "/", "f", b"content of the file" * 100, 1900)
        self.reference = self.ann.share_pod("p")

    def fault(self, kind: Kind, **settings: Any) -> None:
        self.server.faults.add(Fault(kind, **settings))

    def read(self) -> list[bytes | str]:
        """Both ways to read the file: what came, or the kind of failure."""
        found: list[bytes | str] = []
        for read in (
            lambda: self.ann.read_file("p", "/f", 10_000),
            lambda: self.nobody.read_public_file(self.reference, "/f", 10_000),
        ):
            try:
                found.append(read())
            except Exception as error:
                found.append(type(error).__name__)
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with StandIn(tmp_path / "fairos") as server:
        made = Lab(server)
        yield made
        made.ann.close()
        made.nobody.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.SHORT_BODY, file="/f", times=2, amount=10),
        Fault(Kind.RESET_DOWNLOAD, file="/f", times=2, amount=100),
        Fault(Kind.CUT_ERROR, file="/f", times=2),
        Fault(Kind.ERROR, call="*file*", times=2, status=503),
        Fault(Kind.ERROR, call="*file*", times=2, status=500, text="download: context deadline exceeded"),
    ],
)
def test_a_download_that_breaks_off(lab: Lab, fault: Fault) -> None:
    lab.server.faults.add(fault)
    assert lab.read() == ["Transient", "Transient"]
    assert lab.read() == [b"content of the file" * 100] * 2


def test_a_file_that_is_not_found_though_it_is_there(lab: Lab) -> None:
    lab.fault(Kind.MISSING, file="/f", times=2)
    assert lab.read() == ["FileAbsent", "FileAbsent"]
    assert lab.read() == [b"content of the file" * 100] * 2


def test_what_only_a_hash_can_tell(lab: Lab) -> None:
    lab.fault(Kind.WRONG_BYTES, file="/f", times=2)
    assert all(len(data) == 1900 and data != b"content of the file" * 100 for data in lab.read())


def test_an_upload_with_a_hole_does_not_come_back(lab: Lab) -> None:
    lab.fault(Kind.SHORT_UPLOAD, call=UPLOAD)
    lab.ann.upload("p", "/", "g", bytes(2_500_000), 2_500_000)
    with pytest.raises(Transient):
        lab.ann.download("p", "/g", 1 << 30, ignore)


@pytest.mark.parametrize("kind", [Kind.TOKEN_DEATH, Kind.SESSION_DEATH])
def test_a_server_that_forgets(lab: Lab, kind: Kind) -> None:
    for call in ("/v1/file/upload", "/v1/file/download", "/v1/pod/ls", "/v1/pod/share"):
        lab.fault(kind, call=call)
    told = Total()
    lab.ann.upload("p", "/", "f", b"x" * 3_000_000, 3_000_000, told)
    assert told.done == 3_000_000
    assert lab.ann.read_file("p", "/f", 1 << 22) == b"x" * 3_000_000
    assert lab.ann.pods().own == ["p"] and lab.ann.share_pod("p") == lab.reference
    assert not lab.server.faults.left()


def test_a_large_upload_with_a_dead_token(lab: Lab, tmp_path: Path) -> None:
    # The server answers and closes long before everything is sent.
    lab.server.forget_tokens()
    source = tmp_path / "source"
    with open(source, "wb") as file:
        file.truncate(24 << 20)
    lab.ann.upload("p", "/", "big", source, 24 << 20)
    assert lab.ann.stat_file("p", "/big").size == 24 << 20


def test_an_upload_that_is_cut_off_can_be_repeated(lab: Lab) -> None:
    lab.fault(Kind.RESET_UPLOAD, call=UPLOAD, times=2, amount=100_000)
    data = os.urandom(4_000_000)
    told = Total()
    with_retries(lambda: lab.ann.upload("p", "/", "g", data, len(data), told), pause=ignore)
    assert lab.ann.read_file("p", "/g", 1 << 30) == data


def test_a_list_of_pods_that_was_not_read(lab: Lab) -> None:
    lab.fault(Kind.UNREADABLE, call="GET /v1/pod/ls", times=2)
    assert lab.ann.pod_present("p")


def test_postage(lab: Lab) -> None:
    from sovrgit.errors import PostageExhausted

    lab.fault(Kind.POSTAGE, call=UPLOAD)
    with pytest.raises(PostageExhausted) as failed:
        lab.ann.upload("p", "/", "g", b"x", 1)
    assert failed.value.exit_code == 82 and "batch" in failed.value.message


def test_a_pod_of_somebody_else(lab: Lab) -> None:
    # The client has no call for it: people receive pods with other programs.
    ben = FairOS(lab.ann.address)
    ben.sign_up("ben", "a long password")
    token = ben._session._live.token  # type: ignore[union-attr]
    query = {"sharingRef": lab.reference.reveal()}
    url = f"{lab.ann.address}/v1/pod/receive"
    assert httpx.get(url, params=query, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert ben.pods().shared == ["p"]
    for write in (
        lambda: ben.upload("p", "/", "g", b"x", 1),
        lambda: ben.make_folder("p", "/a"),
        lambda: ben.delete_file("p", "/f"),
    ):
        with pytest.raises(ReadOnly):
            write()
    with pytest.raises(PodAbsent):
        ben.share_pod("p")
    ben.close()


def test_interrupted_in_the_middle(lab: Lab) -> None:
    lab.ann.upload("p", "/", "g", bytes(3_000_000), 3_000_000)

    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            lab.ann.download("p", "/g", 1 << 30, interrupt)
    # Every connection and every turn was given back.
    done = threading.Barrier(8)
    threads = [threading.Thread(target=lambda: (lab.ann.pods(), done.wait(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads) and not done.broken
