"""Interruptions at every single call, over a real socket: nothing is lost, and nothing verified is sent again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from remote_lab import Kind, OnRealServer, OnStandIn, Site, User, at_request, reference_in
from transfer_lab import MAIN, Lab

from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.fairos.own import OwnPod
from sovrgit.remotes.fairos.shared import SharedPod
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.state import RemoteState

pytestmark = pytest.mark.usefixtures("small")

PATIENCE = 20.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


@pytest.fixture
def url(site: Site) -> str:
    return site.url


@pytest.fixture
def ann(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "ann")


class Ledger:
    """What was sent, what was proven to be there, and what was sent although it was."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, ObjectId]] = []
        self.verified: set[tuple[str, ObjectId]] = set()
        self.again: list[ObjectId] = []
        put_pack, has_pack = OwnPod.put_pack, SharedPod.has_pack

        def put(remote: OwnPod, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
            if (remote.location, pack) in self.verified:
                self.again.append(pack)
            self.sent.append((remote.location, pack))
            put_pack(remote, pack, source, advance)

        def has(remote: SharedPod, pack: ObjectId, size: int) -> bool:
            there = has_pack(remote, pack, size)
            if there:
                self.verified.add((remote.location, pack))
            return there

        patch.setattr(OwnPod, "put_pack", put)
        patch.setattr(SharedPod, "has_pack", has)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    return Ledger(monkeypatch)


class Pushes:
    """The same kind of push again and again: to a new pod each time, or of a new commit to the same one."""

    def __init__(self, ann: User, noise: random.Random, *, warm: bool) -> None:
        self.ann = ann
        self.warm = warm
        self.noise = noise
        self.number = 0
        self.name = "origin"
        self.pod = "pod"
        self.lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(14)})
        self.calls = 0
        ann.push(self.lab)

    def prepare(self) -> None:
        self.number += 1
        if self.warm:
            self.lab.commit({str(number): self.noise.randbytes(900) for number in range(14)})
        else:
            self.name, self.pod = f"r{self.number}", f"p{self.number}"
            self.ann.remote(self.lab, self.name, f"fairos:{self.pod}")
        self.ann.wire.seen.clear()

    def push(self, **options: Any) -> None:
        try:
            self.ann.push(self.lab, self.name, **options)
        finally:
            self.calls = len(self.ann.wire.seen)

    def check(self) -> None:
        """All of it is there, and what is remembered is what there is. What a warm push brought, a clone shows."""
        reference = reference_in(self.lab.pod, f"fairos:{self.pod}")
        manifest = self.ann.manifest(reference)
        assert manifest.refs == {MAIN: self.lab.head}
        assert RemoteState.load(self.lab.pod.folder, self.name).manifest == manifest
        assert self.lab.stray() == []
        if not self.warm:
            with self.ann.shared(reference) as remote:
                assert all(remote.has_pack(pack.id, pack.size) for pack in manifest.packs)

    def check_clone(self) -> None:
        copy = Lab(self.ann.clone(reference_in(self.lab.pod, f"fairos:{self.pod}")).pod)
        assert copy.working() == self.lab.working()
        assert copy.problems() == self.lab.problems() == ()
        copy.pod.close()


@pytest.fixture(params=["first push", "warm push"])
def pushes(request: pytest.FixtureRequest, ann: User, noise: random.Random) -> Pushes:
    return Pushes(ann, noise, warm=request.param == "warm push")


# --- the connection, the session, the server --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.RESET_UPLOAD, Kind.RESET_DOWNLOAD])
def test_push_survives_a_broken_connection_at_any_call(site: Site, pushes: Pushes, ledger: Ledger, kind: Kind) -> None:
    """Before anything was done, or after it was and the answer is lost."""
    _push_with_a_fault_at_any_call(site, pushes, kind)
    assert ledger.again == []


@pytest.mark.parametrize(
    "kind", [Kind.TOKEN_DEATH, Kind.SESSION_DEATH, Kind.SHORT_BODY, Kind.JSON_IN_BODY, Kind.CUT_ERROR]
)
def test_push_survives_a_bad_answer_at_any_call(
    site: Site, ann: User, noise: random.Random, ledger: Ledger, kind: Kind
) -> None:
    _push_with_a_fault_at_any_call(site, Pushes(ann, noise, warm=True), kind)
    assert ledger.again == []


def _push_with_a_fault_at_any_call(site: Site, pushes: Pushes, kind: Kind) -> None:
    number = 0
    while number <= pushes.calls:
        number += 1
        pushes.prepare()
        site.server.faults.clear()
        site.fault(kind, first=number)
        pushes.push()
        site.server.faults.clear()
        pushes.check()
    assert number > 8
    pushes.check_clone()


def test_push_survives_a_restart_of_the_server_at_any_call(site: Site, pushes: Pushes, ledger: Ledger) -> None:
    number = 0
    while number <= pushes.calls:
        number += 1
        pushes.prepare()
        pushes.ann.wire.before = at_request(number, site.restart)
        pushes.push()
        pushes.ann.wire.before = None
        pushes.check()
    assert site.restarts > 8
    assert ledger.again == []
    pushes.check_clone()


def test_push_survives_a_restart_while_bytes_are_on_their_way(site: Site, pushes: Pushes, ledger: Ledger) -> None:
    number = 0
    while site.restarts == number:
        number += 1
        pushes.prepare()
        pushes.push(progress=Telling(number, pushes.ann.wire.alone(site.restart)))
        pushes.check()
    assert site.restarts > 3
    assert ledger.again == []


@pytest.mark.parametrize("kind", [Kind.RESET_DOWNLOAD, Kind.SHORT_BODY, Kind.JSON_IN_BODY, Kind.ERROR, Kind.MISSING])
def test_fetch_survives_a_fault_at_any_call(site: Site, ann: User, noise: random.Random, kind: Kind) -> None:
    lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(14)})
    ann.push(lab)
    copy = Lab(ann.clone(ann.reference()).pod)
    number, calls = 0, 0
    while number <= calls:
        number += 1
        lab.commit({str(number): noise.randbytes(900) for number in range(14)})
        ann.push(lab)
        ann.wire.seen.clear()
        site.server.faults.clear()
        site.fault(kind, first=number)
        ann.fetch(copy, nobody=True)
        calls = len(ann.wire.seen)
        assert copy.refs["refs/remotes/origin/main"] == lab.head
        assert copy.stray() == []
    assert number > 3
    assert copy.problems() == ()
    copy.pod.close()


@pytest.mark.parametrize("kind", [Kind.RESET_DOWNLOAD, Kind.SHORT_BODY, Kind.JSON_IN_BODY, Kind.ERROR])
@pytest.mark.parametrize("private", [False, True])
def test_clone_survives_a_fault_at_any_call(
    site: Site, ann: User, noise: random.Random, kind: Kind, private: bool
) -> None:
    lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(14)})
    ann.remote(lab, "other", "fairos:other", private=private)
    packs = ann.push(lab, "other").sent_packs
    reference = reference_in(lab.pod, "fairos:other")
    for number in range(1, packs + 4):
        site.fault(kind, first=number)
        with ann.clone(reference, f"copy{number}").pod as pod:
            assert Lab(pod).working() == lab.working()
        site.server.faults.clear()


class Telling:
    """Progress that does something at one of the calls that it gets."""

    def __init__(self, number: int, do: Callable[[], object]) -> None:
        self._left = number
        self._do = do

    def begin(self, label: str, total: int, unit: str) -> None:
        self._count()

    def advance(self, amount: int) -> None:
        self._count()

    def end(self) -> None:
        self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._do()

    @property
    def happened(self) -> bool:
        return self._left <= 0


# --- the user ---------------------------------------------------------------------------------------------------------


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["push", "clone"])
def test_nobody_waits_for_a_server_that_hangs(site: Site, ann: User, command: str) -> None:
    """Ctrl-C ends a command at once, though a worker waits for an answer."""
    lab = ann.lab()
    if command == "clone":
        ann.push(lab)
        site.fault(Kind.SLOW, "/public-file", file="/sovr/p-*", amount=600, times=0)
        arguments = ["clone", ann.reference(), "copy"]
    else:
        site.fault(Kind.SLOW, "/v1/file/upload", amount=600, times=0)
        arguments = ["push"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(ann.folder),
        "SOVR_FAIROS_URL": site.url,
        "SOVR_FAIROS_USER": ann.login.user,
        "SOVR_FAIROS_PASSWORD": ann.login.password,
        "SOVR_CREDENTIALS": str(ann.folder / "credentials"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sovrgit", *arguments],
        cwd=lab.root,
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert site.met.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
    assert (process.returncode, said.strip()) == (130, b"error: interrupted")
    site.server.faults.clear()
    if command == "push":
        ann.push(lab)
        assert ann.manifest(ann.reference()).refs == {MAIN: lab.head}
    else:
        assert not (lab.root / "copy" / "recipe.json").exists()


class Anywhere:
    """What needs no faults of the server: it comes from this side."""

    def test_push_that_is_interrupted_at_any_step(self, pushes: Pushes, ledger: Ledger) -> None:
        reference = reference_in(pushes.lab.pod, "fairos:pod")
        number, resumed = 0, 0
        while True:
            number += 1
            pushes.prepare()
            before = pushes.ann.manifest(reference)
            progress = Telling(number, _interrupt)
            try:
                pushes.push(progress=progress)
            except KeyboardInterrupt:
                # The old manifest is there as before, or all of it is: the last step is after everything was sent.
                assert pushes.ann.manifest(reference) == before
            remembered = RemoteState.load(pushes.lab.pod.folder, pushes.name).uploaded
            resumed += len(remembered)
            assert remembered <= {pack for _, pack in ledger.verified}
            ledger.sent.clear()
            pushes.push()
            assert not remembered & {pack for _, pack in ledger.sent}
            pushes.check()
            if not progress.happened:
                break
        assert number > 4 and resumed
        pushes.check_clone()

    def test_push_that_is_interrupted_at_any_call(self, pushes: Pushes, ledger: Ledger) -> None:
        """As Ctrl-C does it: in the middle of a request."""
        number, resumed = 0, 0
        while number <= pushes.calls:
            number += 1
            pushes.prepare()
            pushes.ann.wire.before = at_request(number, _interrupt)
            try:
                pushes.push()
                pushes.ann.wire.before = None
            except KeyboardInterrupt:
                pushes.ann.wire.before = None
                remembered = RemoteState.load(pushes.lab.pod.folder, pushes.name).uploaded
                resumed += len(remembered)
                ledger.sent.clear()
                pushes.ann.push(pushes.lab, pushes.name)
                assert not remembered & {pack for _, pack in ledger.sent}
            pushes.check()
        assert number > 8 and resumed
        pushes.check_clone()

    def test_clone_that_is_interrupted_at_any_call_goes_on(self, ann: User, noise: random.Random) -> None:
        lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(20)})
        packs = ann.push(lab).sent_packs
        reference = ann.reference()
        # The manifest, and each pack.
        for number in range(1, packs + 2):
            ann.wire.before = at_request(number, _interrupt)
            name = f"copy{number}"
            with pytest.raises(KeyboardInterrupt):
                ann.clone(reference, name)
            ann.wire.before = None
            kept = ann.folder / name / ".sovr" / "packs"
            arrived = len(list(kept.iterdir())) if kept.exists() else 0
            copy = ann.clone(reference, name)
            # A pack that was on its way may have arrived since. None is fetched again.
            assert copy.fetched.received_packs <= packs - arrived
            with copy.pod:
                assert Lab(copy.pod).working() == lab.working()
                assert Lab(copy.pod).problems() == ()

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_reader_at_every_moment_of_a_push(
        self, ann: User, noise: random.Random, tmp_path: Path, moment: str
    ) -> None:
        """The old state or the new one, with all of its packs, and never an older one after a newer one."""
        lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(14)})
        ann.push(lab)
        reference = reference_in(lab.pod, "fairos:pod")
        old = ann.manifest(reference)
        lab.commit({str(number): noise.randbytes(900) for number in range(14)})
        reader = User(str(ann.address), tmp_path / "reader")
        seen: list[Manifest] = []
        # Packs are sent side by side. Whoever has looked hangs up, and must not do that for another one who looks.
        looking = threading.Lock()

        def look(_: httpx.Request) -> None:
            with looking, reader.shared(reference) as remote:
                manifest = Manifest.decode(remote.read_manifest() or b"")
                assert all(remote.has_pack(pack.id, pack.size) for pack in manifest.packs)
                seen.append(manifest)

        setattr(ann.wire, moment, look)
        ann.push(lab)
        setattr(ann.wire, moment, None)
        new = ann.manifest(reference)
        generations = [manifest.generation for manifest in seen]
        assert generations == sorted(generations) and set(generations) == {1, 2}
        assert all(manifest in (old, new) for manifest in seen)
        assert len(seen) >= 10

    def test_clone_that_began_before_a_push_has_the_state_of_its_beginning(
        self, ann: User, noise: random.Random, tmp_path: Path
    ) -> None:
        lab = ann.lab(files={str(number): noise.randbytes(900) for number in range(14)})
        ann.push(lab)
        first, working = lab.head, lab.working()
        reference = reference_in(lab.pod, "fairos:pod")
        reader = User(str(ann.address), tmp_path / "reader")
        lab.commit({"more": b"1"})
        pushed: list[object] = []

        def push(request: httpx.Request) -> None:
            if "/sovr/p-" in request.url.params["filePath"] and not pushed:
                pushed.append(None)
                ann.push(lab)

        reader.wire.before = push
        copy = Lab(reader.clone(reference).pod)
        assert pushed
        assert (copy.head, copy.working()) == (first, working)
        assert reader.fetch(copy, nobody=True).received_packs == 1
        assert copy.refs["refs/remotes/origin/main"] == lab.head
        copy.pod.close()


class TestOnStandIn(OnStandIn, Anywhere):
    pass


class TestOnRealServer(OnRealServer, Anywhere):
    pass
