"""People who talk to a stand-in over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from sovrgit.devnet.fairos import StandIn

PASSWORD = "a long enough password"
PATIENCE = 30.0
"""Seconds after which a test gives up; nothing waits that long when all is well."""


def client(url: str) -> httpx.Client:
    """A client that sends nothing of its own accord."""
    return httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)


class Person:
    """Somebody with a session. Every call gives the answer as it came."""

    def __init__(self, url: str, name: str = "ada") -> None:
        self.http = client(url)
        self.name = name
        self.reference = ""

    def sign_up(self) -> Person:
        self._enter(self.post("/v2/user/signup", userName=self.name, password=PASSWORD), 201)
        return self

    def log_in(self) -> Person:
        self._enter(self.post("/v2/user/login", userName=self.name, password=PASSWORD), 200)
        return self

    def _enter(self, answer: httpx.Response, status: int) -> None:
        assert answer.status_code == status, answer.text
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"

    def post(self, path: str, **json: Any) -> httpx.Response:
        return self.http.post(path, json=json)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(path, params=query)

    def delete(self, path: str, **json: Any) -> httpx.Response:
        return self.http.request("DELETE", path, json=json)

    # --- what most tests do -------------------------------------------------------------------------------------

    def pod(self, name: str = "box") -> str:
        """Make a pod; its sharing reference."""
        assert self.post("/v1/pod/new", podName=name).status_code == 201
        return str(self.post("/v1/pod/share", podName=name).json()["podSharingReference"])

    def upload(
        self, name: str, content: bytes, *, folder: str = "/", pod: str = "box", block: str = "1Mb", **fields: str
    ) -> httpx.Response:
        form = {"podName": pod, "dirPath": folder, "blockSize": block, **fields}
        return self.http.post("/v1/file/upload", data=form, files={"files": (name, content)})

    def put(self, name: str, content: bytes, **where: str) -> None:
        answer = self.upload(name, content, **where)
        assert answer.status_code == 200, answer.text

    def download(self, path: str, pod: str = "box") -> httpx.Response:
        return self.http.post("/v1/file/download", data={"podName": pod, "filePath": path})

    def listed(self, folder: str = "/", pod: str = "box") -> list[str]:
        """The names that a listing shows, of files and of directories."""
        answer = self.get("/v1/dir/ls", podName=pod, dirPath=folder).json()
        return sorted(entry["name"] for kind in ("dirs", "files") for entry in answer.get(kind, ()))

    def public(self, reference: str, path: str) -> httpx.Response:
        return self.http.get("/public-file", params={"sharingRef": reference, "filePath": path})


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[StandIn]:
    """A stand-in."""
    with StandIn(folder, **options) as standin:
        yield standin


def message(answer: httpx.Response) -> str:
    """What an answer says."""
    return str(answer.json()["message"])
