"""Pods on a FairOS server, over a real socket: its users, their machines, and what happens between two requests."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from transfer_lab import Lab

from sovrgit.actions import fetch_pod, push_pod
from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.logins import PasswordLogin
from sovrgit.credentials.stores import Secrets
from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.getting import get_pod
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.clone import Cloned
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.documents import json_body
from sovrgit.remotes.fairos.memory import PodMemory
from sovrgit.remotes.fairos.own import OwnPod
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.shared import FOLDER, MANIFEST, SharedPod
from sovrgit.remotes.fairos.wire import Call
from sovrgit.remotes.fetch import Fetched
from sovrgit.remotes.locations import add_remote
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.push import Pushed
from sovrgit.remotes.selection import Selection

REAL = os.environ.get("SOVR_TEST_FAIROS_URL")
PASSWORD = "a long password, and a secret one"
UPLOAD = "POST /v1/file/upload"
PUBLIC = "GET /public-file"
RECIPE = b'{"name": "lab", "public": true, "golem": {"exec": "true"}}'

Hook = Callable[[httpx.Request], object]


def no_pause(_: float) -> None:
    """Do not wait."""


class Watched(httpx.HTTPTransport):
    """The network, with somebody who looks on: at every request before it is sent, and at how many are under way.

    Attributes:
        before: called with every request, before it is sent.
        after: called with it when its answer has begun.
        most: requests that were under way at once.
    """

    def __init__(self) -> None:
        super().__init__(limits=httpx.Limits(max_connections=16, max_keepalive_connections=16))
        self.before: Hook | None = None
        self.after: Hook | None = None
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._gate = threading.RLock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.seen.append(f"{request.method} {request.url.path}")
            self.headers.append(dict(request.headers))
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            # One after the other: whoever starts a server again, say, is not disturbed by those who miss it.
            with self._gate:
                if self.before is not None:
                    self.before(request)
            response = super().handle_request(request)
        except BaseException:
            self._ended()
            raise
        if self.after is not None:
            self.after(request)
        # Under way until the whole answer is here.
        response.stream = _Counted(response.stream, self._ended)  # type: ignore[arg-type]
        return response

    def alone(self, do: Callable[[], object]) -> Callable[[], None]:
        """Do something while no request begins."""

        def alone() -> None:
            with self._gate:
                do()

        return alone

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1


class _Counted(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
        self._ended()


class User:
    """Somebody with an account at a server, and one machine.

    Args:
        folder: for what is kept on that machine: locks and keys.
    """

    def __init__(self, url: str, folder: Path, login: PasswordLogin | None = None) -> None:
        self.address = ServerAddress.parse(url)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.secrets = Secrets([FileStore(folder / "credentials")])
        self.wire = Watched()
        self.clock = 1_700_000_000
        if login is None:
            login = PasswordLogin(f"u-{secrets.token_hex(6)}", PASSWORD)
            with self.client(nobody=True) as fairos:
                fairos.sign_up(login.user, login.password)
        self.login = login

    def elsewhere(self, name: str) -> User:
        """The same user at another machine, which knows nothing of this one."""
        return User(str(self.address), self.folder.with_name(name), self.login)

    def client(self, *, nobody: bool = False, **options: Any) -> FairOS:
        return FairOS(
            self.address, None if nobody else self.login, **{"transport": self.wire, "pause": no_pause, **options}
        )

    def networks(self, **options: Any) -> Networks:
        return Networks(lambda _: self.client(**options), self.secrets, self.folder / "locks")

    # --- remotes ------------------------------------------------------------------------------------------------

    @contextmanager
    def own(
        self, memory: Any, *, pod: str = "pod", contents: Contents | None = None, **options: Any
    ) -> Iterator[OwnPod]:
        """An own pod as a remote."""
        places = {"memory": memory, "temporary": self.folder, "lock": self.folder / "locks" / pod}
        remote = OwnPod(self.client(**options), f"fairos:{pod}", pod, contents or Contents(), **places)
        try:
            yield remote
        finally:
            remote.close()

    @contextmanager
    def shared(self, reference: str, contents: Contents | None = None, **options: Any) -> Iterator[SharedPod]:
        """A shared pod as a remote, read with no account."""
        found = SharingReference.parse(reference)
        remote = SharedPod(
            self.client(nobody=True, **options), f"fairos:ref-{found.fingerprint}", found, contents or Contents()
        )
        try:
            yield remote
        finally:
            remote.close()

    # --- what commands do ---------------------------------------------------------------------------------------

    def lab(self, name: str = "lab", files: dict[str, bytes] | None = None, location: str = "fairos:pod") -> Lab:
        """A pod of this user, with a commit and the remote `origin`."""
        lab = Lab.create(self.folder / name)
        lab.commit({"recipe.json": RECIPE, **(files or {})})
        self.remote(lab, "origin", location)
        return lab

    def remote(self, lab: Lab, name: str, location: str, *, private: bool | None = None) -> None:
        add_remote(lab.pod, name, location, lab.root, self.networks(), private=private)

    def push(self, lab: Lab, name: str = "origin", *, progress: Progress = SILENT, **options: Any) -> Pushed:
        full = options.pop("full", False)
        return push_pod(
            lab.pod,
            name,
            time_ns=lab.clock * 10**9,
            full=full,
            networks=self.networks(**options),
            progress=progress,
        )

    def fetch(self, lab: Lab, name: str = "origin", *, accept: bool = False, **options: Any) -> Fetched:
        return fetch_pod(lab.pod, name, time_ns=1, accept_divergence=accept, networks=self.networks(**options))

    def clone(
        self,
        reference: str,
        name: str = "copy",
        *,
        remote: str = "origin",
        selection: Selection | None = None,
        progress: Progress = SILENT,
        **options: Any,
    ) -> Cloned:
        return get_pod(
            reference,
            self.folder,
            Path(name),
            remote_name=remote,
            time_ns=1,
            selection=selection,
            networks=self.networks(**{"nobody": True, **options}),
            progress=progress,
        )

    # --- looking and meddling -----------------------------------------------------------------------------------

    def reference(self, pod: str = "pod") -> str:
        """The sharing reference of an own pod."""
        with self.client() as fairos:
            return fairos.share_pod(pod).reveal()

    def put(self, name: str, data: bytes, *, pod: str = "pod", folder: str = FOLDER) -> None:
        """Write a file into an own pod, past `sovr`."""
        with self.client() as fairos:
            fairos.upload(pod, folder, name, data, len(data))

    def delete_pod(self, pod: str) -> None:
        """Delete an own pod, which `sovr` never does."""
        with self.client() as fairos:
            fairos._session.send(Call("DELETE", "/v1/pod/delete", body=json_body({"podName": pod})))

    def publish(self, manifest: Manifest | bytes, pod: str = "pod") -> str:
        """Make a pod if there is none, and put any manifest there; its sharing reference."""
        data = manifest if isinstance(manifest, bytes) else manifest.encode()
        with self.client() as fairos:
            fairos.make_pod(pod)
            fairos.make_folder(pod, FOLDER)
            fairos.upload(pod, FOLDER, MANIFEST, data, len(data))
            return fairos.share_pod(pod).reveal()

    def manifest(self, reference: str) -> Manifest:
        """The manifest of a public pod, as everybody sees it."""
        return Manifest.decode(self.raw_manifest(reference))

    def raw_manifest(self, reference: str) -> bytes:
        return self.read(reference, f"{FOLDER}/{MANIFEST}")

    def read(self, reference: str, path: str) -> bytes:
        """A file of a pod, as everybody sees it."""
        with self.client(nobody=True) as fairos:
            return fairos.read_public_file(SharingReference.parse(reference), path, 1 << 24)


class OnStandIn:
    """Tests on a stand-in."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> Iterator[str]:
        with StandIn(tmp_path / "fairos") as server:
            yield server.url


@pytest.mark.skipif(not REAL, reason="SOVR_TEST_FAIROS_URL names no server")
class OnRealServer:
    """The same tests on a real server."""

    @pytest.fixture
    def url(self) -> str:
        return REAL or ""


class Site:
    """A stand-in that can be killed and started again: the same address, the same data, every session forgotten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.restarts = 0
        self.met = threading.Event()
        """Set when a call meets a fault that makes it wait."""
        self.server = self._start(0)

    def _start(self, port: int) -> StandIn:
        server = StandIn(self.folder, port=port)
        pause = server._listener.pause

        def pausing(seconds: float) -> None:
            if seconds > 1:
                self.met.set()
            pause(seconds)

        server._listener.pause = pausing  # type: ignore[method-assign]
        return server

    @property
    def url(self) -> str:
        return self.server.url

    def fault(self, kind: Kind, call: str = "*", **settings: Any) -> None:
        self.server.faults.add(Fault(kind, call, **settings))

    def calls(self) -> dict[str, int]:
        """How often each call was made since the counts were cleared."""
        return {name: count.calls for name, count in self.server.counts.all().items()}

    def restart(self) -> None:
        port = self.server.port
        self.server.close()
        self.server = self._start(port)
        self.restarts += 1

    def close(self) -> None:
        self.server.close()


def at_request(number: int, do: Callable[[], object]) -> Hook:
    """Does something at one request."""
    left = iter([False] * (number - 1) + [True])

    def before(_: httpx.Request) -> None:
        if next(left, False):
            do()

    return before


def reference_in(pod: Pod, location: str) -> str:
    """The sharing reference that a pod remembers of a location."""
    found = PodMemory(pod, location).get()
    assert found is not None
    return found.reveal()


def packs_of(manifest: Manifest) -> set[ObjectId]:
    return {pack.id for pack in manifest.packs}


def beyond_packs(seen: Sequence[str], packs: int) -> list[str]:
    """The requests of a push that are not about packs: of those, each was sent once and read back once."""
    rest = list(seen)
    for call in (UPLOAD, PUBLIC):
        for _ in range(packs):
            rest.remove(call)
    return rest


def leave_behind(user: User, *names: str, folder: bool = False) -> None:
    """Make a pod and delete it, so that files in `/sovr` stay where those of the next pod of this user are going to be.

    That needs two sessions, of which one does not know what the other one has listed, and deletes.

    Args:
        folder: let the folder's own listing stay too.
    """
    with user.client() as one, user.client() as two:
        one.make_pod("earlier")
        if folder:
            two.listing("earlier", "/")
            one.make_folder("earlier", FOLDER)
            two.make_folder("earlier", "/listed")
        else:
            one.make_folder("earlier", FOLDER)
            two.listing("earlier", FOLDER)
        for name in names:
            one.upload("earlier", FOLDER, name, b"left behind", 11)
        two.upload("earlier", "/listed" if folder else FOLDER, "listed", b"x", 1)
        two._session.send(Call("DELETE", "/v1/pod/delete", body=json_body({"podName": "earlier"})))
