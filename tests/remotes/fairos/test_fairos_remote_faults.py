"""What FairOS servers do wrong, and what a pod there does about it: each fault by name, over a real socket."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_lab import PASSWORD, UPLOAD, Kind, Site, User, reference_in
from transfer_lab import MAIN, Lab

from sovrgit.credentials.logins import PasswordLogin
from sovrgit.devnet.fairos import Fault
from sovrgit.errors import (
    LoginFailed,
    PostageExhausted,
    RemoteDamaged,
    RemoteDiverged,
    RemoteUnavailable,
    SealBroken,
)
from sovrgit.remotes.base import ATTEMPTS, Transient
from sovrgit.remotes.fairos.timeouts import Timeouts
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.state import RemoteState
from sovrgit.sharing import share_pod

ALWAYS = {"times": 0}
PACK, MANIFEST = "/sovr/[ps]-*", "/sovr/manifest"
NEW_POD = "POST /v1/pod/new"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


@pytest.fixture
def ann(site: Site, tmp_path: Path) -> User:
    return User(site.url, tmp_path / "ann")


class Story:
    """A pod that was pushed once, to a public and to a private place, with another commit to be pushed."""

    def __init__(self, ann: User, *, private: bool) -> None:
        self.ann = ann
        self.lab = ann.lab(files={"a": b"1" * 1000})
        ann.remote(self.lab, "place", "fairos:place", private=private)
        ann.push(self.lab, "place")
        self.reference = reference_in(self.lab.pod, "fairos:place")
        self.before = ann.raw_manifest(self.reference)
        self.lab.commit({"a": b"2" * 1000})

    def push(self, **options: object) -> None:
        self.ann.push(self.lab, "place", **options)

    def arrived(self, **options: object) -> None:
        """Whoever has the reference gets what is here."""
        name = f"copy-{os.urandom(4).hex()}"
        with self.ann.clone(self.reference, name, **options).pod as pod:
            assert Lab(pod).working() == self.lab.working()
            assert Lab(pod).problems() == ()
        state = RemoteState.load(self.lab.pod.folder, "place").manifest
        assert state is not None and state.refs == {MAIN: self.lab.head}

    def untouched(self) -> None:
        """The remote is as it was; nothing that was not stored well has a name."""
        assert self.ann.raw_manifest(self.reference) == self.before

    def goes_on(self) -> None:
        """As soon as all is well, the same push works."""
        self.push()
        self.arrived()


@pytest.fixture
def story(ann: User) -> Story:
    return Story(ann, private=False)


@pytest.fixture(params=["public", "private"])
def any_story(request: pytest.FixtureRequest, ann: User) -> Story:
    return Story(ann, private=request.param == "private")


# --- 1: the list of pods is lost --------------------------------------------------------------------------------------


def test_pod_on_record_is_never_made_anew(site: Site, story: Story) -> None:
    site.fault(Kind.LOST_PODS, **ALWAYS)
    site.server.counts.clear()
    with pytest.raises(RemoteUnavailable, match="does not list the pod `place` any more") as failed:
        story.push()
    assert "of another name" in failed.value.hint
    site.server.faults.clear()
    # The server has written the empty list back by now.
    with story.ann.client() as fairos:
        assert fairos.pods().own == []
    with pytest.raises(RemoteUnavailable, match="does not list"):
        story.push()
    assert NEW_POD not in site.calls()
    story.untouched()
    # Everything that was there can still be read.
    story.ann.fetch(story.lab, "place")
    story.ann.clone(story.reference).pod.close()


def test_reference_is_known_without_the_list(site: Site, any_story: Story, request: pytest.FixtureRequest) -> None:
    site.fault(Kind.LOST_PODS, **ALWAYS)
    private = "private" in request.node.name
    shared = share_pod(any_story.lab.pod, "place", any_story.ann.networks(), private=private)
    assert shared.reference.partition("#")[0] == any_story.reference
    with any_story.ann.client() as fairos:
        assert fairos.pods().own == []


def test_list_that_was_not_read_once(site: Site, story: Story) -> None:
    site.fault(Kind.ERROR, "/v1/file/upload", status=404, text="file upload: pod does not exist")
    story.push()
    story.arrived()


def test_list_that_looks_empty_before_the_first_push_from_here(site: Site, ann: User) -> None:
    """Another machine has no record, and asks more than once before it believes that there is no such pod."""
    lab = ann.lab()
    ann.push(lab)
    other = ann.elsewhere("machine")
    again = other.lab("again")
    site.fault(Kind.UNREADABLE, "GET /v1/pod/ls", times=2)
    assert other.fetch(again).manifest == ann.manifest(ann.reference())


# --- 2: an upload that is answered with 200 and not stored -----------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.HOLE, Kind.SHORT_UPLOAD])
@pytest.mark.parametrize("file", [PACK, MANIFEST])
def test_upload_with_a_hole_is_sent_again(site: Site, any_story: Story, kind: Kind, file: str) -> None:
    site.fault(kind, UPLOAD, file=file)
    any_story.push()
    assert site.server.faults.left() == []
    any_story.arrived()


@pytest.mark.parametrize("kind", [Kind.HOLE, Kind.SHORT_UPLOAD])
def test_pack_that_is_never_stored_is_given_no_name(site: Site, story: Story, kind: Kind) -> None:
    site.fault(kind, UPLOAD, file=PACK, **ALWAYS)
    with pytest.raises((RemoteDamaged, RemoteUnavailable)):
        story.push()
    assert RemoteState.load(story.lab.pod.folder, "place").uploaded == frozenset()
    site.server.faults.clear()
    story.untouched()
    story.goes_on()


@pytest.mark.parametrize("kind", [Kind.HOLE, Kind.SHORT_UPLOAD])
def test_manifest_that_is_never_stored_whole(site: Site, story: Story, kind: Kind) -> None:
    """Nobody can read it then, and nobody can tell what it was: the pod goes on under another name."""
    site.fault(kind, UPLOAD, file="/sovr/manifest", **ALWAYS)
    with pytest.raises(RemoteUnavailable, match="cut off"):
        story.push()
    site.server.faults.clear()
    assert RemoteState.load(story.lab.pod.folder, "place").manifest == Manifest.decode(story.before)
    with pytest.raises(RemoteUnavailable, match="cut off"):
        story.push()
    story.ann.push(story.lab)
    assert story.ann.manifest(reference_in(story.lab.pod, "fairos:pod")).refs == {MAIN: story.lab.head}


@pytest.mark.parametrize("file", [PACK, MANIFEST])
def test_pack_or_manifest_that_is_stored_wrong(site: Site, any_story: Story, file: str) -> None:
    """The read-back tells; once is healed."""
    site.fault(Kind.WRONG_BYTES, "/public-file", file=file)
    any_story.push()
    any_story.arrived()


def test_pack_that_never_comes_back_right(site: Site, story: Story) -> None:
    site.fault(Kind.WRONG_BYTES, "/public-file", file=PACK, **ALWAYS)
    with pytest.raises(RemoteDamaged, match="is not there as it was sent"):
        story.push()
    site.server.faults.clear()
    story.untouched()
    story.goes_on()


# --- 3: what is not found may be there --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.MISSING, Kind.UNREADABLE])
@pytest.mark.parametrize("file", ["*", PACK, MANIFEST])
def test_not_found_is_not_believed_by_who_knows_better(site: Site, story: Story, kind: Kind, file: str) -> None:
    copy = Lab(story.ann.clone(story.reference).pod)
    story.push()
    site.fault(kind, "/public-file", file=file, times=ATTEMPTS - 1)
    story.ann.fetch(copy, nobody=True)
    assert copy.refs["refs/remotes/origin/main"] == story.lab.head
    assert site.server.faults.left() == []
    copy.pod.close()


@pytest.mark.parametrize("kind", [Kind.MISSING, Kind.UNREADABLE])
def test_manifest_that_is_not_found_while_it_is_pushed(site: Site, story: Story, kind: Kind) -> None:
    site.fault(kind, "/public-file", file=MANIFEST, times=3)
    story.push()
    story.arrived()


def test_clone_when_the_manifest_is_not_found_once(site: Site, story: Story) -> None:
    """There is nothing yet that says that it must be there, but for the folder's listing."""
    site.fault(Kind.MISSING, "/public-file", file=MANIFEST)
    story.push()
    site.fault(Kind.MISSING, "/public-file", file=MANIFEST)
    story.arrived()


def test_first_push_from_another_machine_when_the_manifest_is_not_found(site: Site, ann: User) -> None:
    """To push as to a new pod would hide everything that is there."""
    lab = ann.lab()
    ann.push(lab)
    reference = reference_in(lab.pod, "fairos:pod")
    before = ann.manifest(reference)
    other = ann.elsewhere("machine")
    again = other.lab("again", {"b": b"1"})
    site.fault(Kind.MISSING, "/public-file", file=MANIFEST, **ALWAYS)
    with pytest.raises(RemoteUnavailable):
        other.push(again)
    site.server.faults.clear()
    assert ann.manifest(reference) == before


def test_reference_that_is_not_found_just_now(site: Site, story: Story) -> None:
    """One that was good before is asked for again; see the readers for one that never was."""
    site.fault(Kind.ERROR, "/public-file", status=500, text="public pod file download: Not Found", times=ATTEMPTS - 1)
    story.push()
    story.arrived()


# --- 4: the login -----------------------------------------------------------------------------------------------------


def test_right_password_that_is_called_wrong(site: Site, story: Story) -> None:
    site.fault(Kind.BAD_LOGIN, "/v2/user/login", times=2)
    story.push()
    story.arrived()


def test_user_who_is_not_found_in_time(site: Site, story: Story) -> None:
    site.fault(Kind.ERROR, "/v2/user/login", status=404, text="user login: no user available", times=2)
    story.push()
    story.arrived()


def test_wrong_password(site: Site, story: Story) -> None:
    story.ann.login = PasswordLogin(story.ann.login.user, "a wrong password, and a long one")
    site.server.counts.clear()
    with pytest.raises(LoginFailed, match="password is wrong") as failed:
        story.push()
    assert "sovr login" in failed.value.hint and "cut off from its network" in failed.value.hint
    assert "wrong password, and" not in failed.value.message + failed.value.hint
    assert site.calls()["POST /v2/user/login"] == 3
    story.untouched()
    story.ann.login = PasswordLogin(story.ann.login.user, PASSWORD)
    story.goes_on()


# --- an overwrite that is lost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_manifest_that_is_not_overwritten_is_published_again(site: Site, any_story: Story, times: int) -> None:
    site.fault(Kind.LOST_UPDATE, UPLOAD, file=MANIFEST, times=times)
    site.server.counts.clear()
    any_story.push()
    assert site.calls()[UPLOAD] == 1 + 1 + times
    any_story.arrived()


def test_manifest_that_is_never_overwritten(site: Site, story: Story) -> None:
    site.fault(Kind.LOST_UPDATE, UPLOAD, file=MANIFEST, **ALWAYS)
    with pytest.raises(RemoteUnavailable, match="has kept the manifest that was there") as failed:
        story.push()
    assert "push again" in failed.value.hint
    site.server.faults.clear()
    story.untouched()
    site.server.counts.clear()
    story.goes_on()
    # The packs had arrived.
    assert site.calls()[UPLOAD] == 1


# --- what is read is old ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 3])
def test_old_manifest_at_any_read_of_a_push(site: Site, any_story: Story, first: int) -> None:
    any_story.push()
    any_story.lab.commit({"a": b"3"})
    site.fault(Kind.STALE, "/public-file", file=MANIFEST, first=first)
    any_story.push()
    assert site.server.faults.left() == []
    any_story.arrived()


def test_old_manifest_is_asked_for_again(site: Site, story: Story) -> None:
    story.push()
    site.fault(Kind.STALE, "/public-file", file=MANIFEST, times=ATTEMPTS - 1)
    assert story.ann.fetch(story.lab, "place").manifest.generation == 2


def test_old_manifest_that_stays(site: Site, story: Story) -> None:
    story.push()
    head = story.lab.head
    site.fault(Kind.STALE, "/public-file", file=MANIFEST, **ALWAYS)
    with pytest.raises(RemoteDiverged, match="it is at generation 1, and 2 has been seen"):
        story.ann.fetch(story.lab, "place")
    story.lab.commit({"a": b"3"})
    with pytest.raises(RemoteDiverged):
        story.push()
    # What was seen stays, and what is here too.
    assert story.lab.refs["refs/remotes/place/main"] == head
    site.server.faults.clear()
    story.goes_on()


def test_server_that_went_back_to_an_old_state_for_good(site: Site, story: Story) -> None:
    """An update that comes up late hides a newer one, until the next push. The owner decides to take it as it is."""
    story.push()
    head = story.lab.head
    story.ann.put("manifest", story.before, pod="place")
    with pytest.raises(RemoteDiverged):
        story.push()
    assert story.ann.fetch(story.lab, "place", accept=True).manifest.generation == 1
    assert story.lab.head == head
    story.push()
    story.arrived()


def test_folder_that_another_session_made(site: Site, story: Story) -> None:
    site.fault(Kind.ERROR, UPLOAD, status=500, text="file upload: upload: directory not present")
    story.push()
    story.arrived()


# --- 10: errors inside of files, and short files ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.SHORT_BODY, Kind.JSON_IN_BODY, Kind.CUT_ERROR, Kind.WRONG_BYTES])
@pytest.mark.parametrize("file", [PACK, MANIFEST])
def test_download_that_is_not_the_file(site: Site, any_story: Story, kind: Kind, file: str) -> None:
    any_story.push()
    site.fault(kind, "/public-file", file=file, times=ATTEMPTS - 1, amount=None if kind != Kind.JSON_IN_BODY else 100)
    any_story.arrived()
    assert site.server.faults.left() == []


@pytest.mark.parametrize("kind", [Kind.SHORT_BODY, Kind.JSON_IN_BODY, Kind.WRONG_BYTES])
def test_download_that_is_never_the_file(site: Site, any_story: Story, kind: Kind) -> None:
    copy = Lab(any_story.ann.clone(any_story.reference).pod)
    refs, packs = copy.refs, copy.packs()
    any_story.push()
    site.fault(kind, "/public-file", file=PACK, **ALWAYS)
    with pytest.raises((RemoteDamaged, RemoteUnavailable, SealBroken)):
        any_story.ann.fetch(copy, nobody=True)
    assert (copy.refs, copy.packs(), copy.stray()) == (refs, packs, [])
    site.server.faults.clear()
    any_story.ann.fetch(copy, nobody=True)
    assert copy.problems() == ()
    copy.pod.close()


# --- slow answers -----------------------------------------------------------------------------------------------------

HASTY = Timeouts(answer=0.15, transfer=0.15, farewell=0.15)


@pytest.mark.parametrize("call", ["/v2/user/login", "/v1/file/upload", "/public-file"])
def test_answer_that_comes_too_late_is_asked_for_again(site: Site, story: Story, call: str) -> None:
    site.fault(Kind.SLOW, call, amount=60)
    story.push(timeouts=HASTY)
    story.arrived()


def test_body_that_comes_byte_by_byte(site: Site, story: Story) -> None:
    story.push()
    site.fault(Kind.TRICKLE, "/public-file", file=PACK, times=ATTEMPTS - 1, amount=0.02)
    story.arrived(timeouts=HASTY)
    site.fault(Kind.TRICKLE, "/public-file", file=MANIFEST, amount=0.02, **ALWAYS)
    with (
        story.ann.shared(story.reference, timeouts=HASTY) as shared,
        pytest.raises(Transient, match=r"less than 262144 bytes went over the connection in 0\.15 s"),
    ):
        shared.read_manifest()


def test_server_that_never_answers(site: Site, story: Story) -> None:
    site.fault(Kind.SLOW, "/v1/file/upload", amount=60, **ALWAYS)
    with pytest.raises(Transient, match=r"no answer within 0\.15 s"):
        story.push(timeouts=HASTY)
    site.server.faults.clear()
    story.untouched()
    story.goes_on()


# --- postage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "status"), [(PACK, 500), (MANIFEST, 500), (PACK, 402)])
def test_postage_that_is_used_up(site: Site, story: Story, file: str, status: int) -> None:
    site.fault(Kind.POSTAGE, UPLOAD, file=file, status=status, **ALWAYS)
    site.server.counts.clear()
    with pytest.raises(PostageExhausted, match="batch is overissued") as failed:
        story.push()
    assert "buy or extend a postage batch" in failed.value.hint
    # No use in trying again.
    assert site.calls()[UPLOAD] == (1 if file == PACK else 2)
    story.untouched()
    site.server.faults.clear()
    story.goes_on()


# --- all of it at once ------------------------------------------------------------------------------------------------

_ANY = [
    Fault(Kind.HOLE, UPLOAD),
    Fault(Kind.SHORT_UPLOAD, UPLOAD),
    Fault(Kind.MISSING, "/public-file"),
    Fault(Kind.SHORT_BODY, "/public-file"),
    Fault(Kind.JSON_IN_BODY, "/public-file"),
    Fault(Kind.WRONG_BYTES, "/public-file"),
    Fault(Kind.RESET_DOWNLOAD),
    Fault(Kind.RESET_UPLOAD, UPLOAD),
    Fault(Kind.TOKEN_DEATH, UPLOAD),
    Fault(Kind.STALE, "/public-file", file=MANIFEST),
    Fault(Kind.LOST_UPDATE, UPLOAD, file=MANIFEST),
    Fault(Kind.ERROR, UPLOAD),
]


@pytest.mark.parametrize("seed", range(2))
def test_a_bad_day(site: Site, any_story: Story, seed: int) -> None:
    """Faults one after the other, of any kind, as they come: in the end all of it is there."""
    chance = random.Random(seed)
    for number in range(2):
        any_story.lab.commit({"a": b"%d" % number * 1000})
        for fault in chance.sample(_ANY, 3):
            site.fault(fault.kind, fault.call, file=fault.file, first=chance.randrange(1, 4))
        for _ in range(4):
            try:
                any_story.push()
                break
            except (RemoteUnavailable, RemoteDamaged, RemoteDiverged):
                site.server.faults.clear()
        site.server.faults.clear()
        any_story.arrived()
