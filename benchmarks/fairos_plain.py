"""A FairOS server spoken to with the standard library and as little else as possible: what `sovr` is measured against.

    python benchmarks/fairos_plain.py STEP POD FILE RESULT

A process of its own for each step, as `sovr` is. The server and the login are in the environment that `sovr` reads;
what was measured is written to RESULT. The steps:

    upload      log in, upload FILE as one file
    download    log in, download this file by the pod's sharing reference, to FILE
    zip-push    log in, make an archive of the folder FILE and upload it, as the first Sovr CLI did
    zip-clone   log in, download this archive and unpack it into the folder FILE
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlencode, urlsplit

PLAIN_NAME = "plain.bin"
"""The file of the steps `upload` and `download`, in the root of the pod."""

ARCHIVE = "pod.zip"

PIECE = 1 << 20
"""Bytes that are read or sent at a time."""

BLOCK = "8000000"
"""Bytes of a block that the server stores: the largest that there may be."""


class Transfer(NamedTuple):
    """One file that went one way: its bytes, and seconds from the request to the end of the answer."""

    size: int
    seconds: float


class Failed(Exception):
    """The server did not do it."""


class Plain:
    """A session at a server, over one connection that is kept open.

    Raises:
        Failed: from every method, if the answer is not a good one.
        OSError, http.client.HTTPException: likewise, if there is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._token = ""

    def sign_up(self, user: str, password: str) -> None:
        """Make an account and go on as its user."""
        self._begin("/v2/user/signup", user, password)

    def log_in(self, user: str, password: str) -> None:
        """Go on as a user."""
        self._begin("/v2/user/login", user, password)

    def make_pod(self, pod: str) -> None:
        """Make a pod."""
        self._ask("POST", "/v1/pod/new", {"podName": pod})

    def share(self, pod: str) -> str:
        """The sharing reference of a pod."""
        return str(self._ask("POST", "/v1/pod/share", {"podName": pod})["podSharingReference"])

    def counts(self) -> dict[str, dict[str, int]]:
        """What a stand-in has counted: calls, and bytes each way, by call."""
        return dict(self._ask("GET", "/_devnet/counts", None)["counts"])

    def upload(self, pod: str, name: str, source: Path) -> Transfer:
        """Upload a file into the root of a pod, in one piece of a form that is made as it is sent."""
        boundary = os.urandom(16).hex()
        fields = {"podName": pod, "dirPath": "/", "blockSize": BLOCK, "overwrite": "true"}
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        )
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        tail = f"\r\n--{boundary}--\r\n"
        size = source.stat().st_size
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size + len(tail)),
            **self._authorization(),
        }
        start = time.perf_counter()
        with source.open("rb") as file:
            body = _form(head.encode(), file, tail.encode())
            self._connection.request("POST", "/v1/file/upload", body, headers)
            self._answer()
        return Transfer(size, time.perf_counter() - start)

    def download(self, pod: str, name: str, target: Path) -> Transfer:
        """Download a file from the root of a pod of the user's own."""
        query = urlencode({"podName": pod, "filePath": f"/{name}"})
        return self._fetch(f"/v1/file/download?{query}", target)

    def public(self, reference: str, name: str, target: Path) -> Transfer:
        """Download a file from the root of a pod by its sharing reference."""
        query = urlencode({"sharingRef": reference, "filePath": f"/{name}"})
        return self._fetch(f"/public-file?{query}", target)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _begin(self, path: str, user: str, password: str) -> None:
        self._token = str(self._ask("POST", path, {"userName": user, "password": password})["accessToken"])

    def _ask(self, method: str, path: str, fields: dict[str, str] | None) -> dict[str, Any]:
        body = None if fields is None else json.dumps(fields)
        self._connection.request(method, path, body, {"Content-Type": "application/json", **self._authorization()})
        return dict(json.loads(self._answer()))

    def _fetch(self, address: str, target: Path) -> Transfer:
        buffer = memoryview(bytearray(PIECE))
        start = time.perf_counter()
        self._connection.request("GET", address, headers=self._authorization())
        size = 0
        with self._connection.getresponse() as response, target.open("wb", buffering=0) as file:
            self._check(response)
            while count := response.readinto(buffer):
                file.write(buffer[:count])
                size += count
        return Transfer(size, time.perf_counter() - start)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _answer(self) -> bytes:
        with self._connection.getresponse() as response:
            self._check(response)
            return response.read()

    def _check(self, response: http.client.HTTPResponse) -> None:
        if response.status not in (200, 201):
            raise Failed(f"{response.status} {response.read(500).decode('utf-8', 'replace')}")


@contextlib.contextmanager
def connected(environment: dict[str, str]) -> Iterator[Plain]:
    """A session as the environment says, for the length of a block."""
    plain = Plain(environment["SOVR_FAIROS_URL"])
    try:
        plain.log_in(environment["SOVR_FAIROS_USER"], environment["SOVR_FAIROS_PASSWORD"])
        yield plain
    finally:
        plain.close()


def main(arguments: list[str]) -> int:
    """One step; returns the exit code."""
    step, pod, file, result = arguments
    path = Path(file)
    archive = path.with_suffix(".zip")
    if step == "zip-push":
        # Before the connection is made, which a server would not keep open for so long.
        shutil.make_archive(str(path.with_suffix("")), "zip", path)
    with connected(dict(os.environ)) as plain:
        match step:
            case "upload":
                done = plain.upload(pod, PLAIN_NAME, path)
            case "download":
                done = plain.public(plain.share(pod), PLAIN_NAME, path)
            case "zip-push":
                done = plain.upload(pod, ARCHIVE, archive)
            case "zip-clone":
                done = plain.download(pod, ARCHIVE, archive)
            case _:
                print(f"error: no step named {step}", file=sys.stderr)
                return 2
    if step == "zip-clone":
        path.mkdir()
        shutil.unpack_archive(archive, path)
    archive.unlink(missing_ok=True)
    Path(result).write_text(json.dumps(done._asdict()))
    return 0


def _form(head: bytes, file: BinaryIO, tail: bytes) -> Iterator[bytes]:
    yield head
    while piece := file.read(PIECE):
        yield piece
    yield tail


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
