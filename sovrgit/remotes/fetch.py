"""Fetching: the manifest, the packs that are not here, each verified before it counts, and then the refs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sovrgit.errors import IntegrityFailure, ObjectMissing, RemoteDamaged, RemoteUnavailable, UnsafeName
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.signature import Signed
from sovrgit.pod.history import is_ancestor, walk
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, RUNS, TAGS, VERDICTS, RefChange, check_ref
from sovrgit.pod.shallow import write_shallow
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.cutting import cut_history, kept_refs
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.remotes.obtain import Obtained, give_names, obtain
from sovrgit.remotes.promises import Promises, known_manifests
from sovrgit.remotes.ranges import read_table
from sovrgit.remotes.reading import BROKEN, blaming, read_manifest
from sovrgit.remotes.receive import Receiver
from sovrgit.remotes.splitting import table_entry
from sovrgit.remotes.state import RemoteState
from sovrgit.signing.checking import NOBODY, Signers, check_all, read_signed, refuse_stripped
from sovrgit.store.catalogue import Location
from sovrgit.store.format import PackClass
from sovrgit.store.packwriter import FinishedPack
from sovrgit.store.repack import PackSeries

_KINDS = {
    "remotes": {Kind.COMMIT},
    "tags": {Kind.COMMIT, Kind.RUN, Kind.TAG, Kind.VERDICT},
    "runs": {Kind.RUN},
    "verdicts": {Kind.VERDICT},
}
"""What the refs that are taken over may lead to."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: refs that moved here, what was received in bytes and packs, and who signed what is new."""

    moved: tuple[RefChange, ...]
    received_bytes: int
    received_packs: int
    manifest: Manifest
    signers: Signers = NOBODY


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        accept_divergence: take the remote as it is, even if it does not continue what was seen before.
        leave_blobs: do not read blobs when they arrive. The caller is going to read most of them anyway, and tells
            `Fetching.finish` which.
        manifest: what the remote has, if it was read a moment ago and nothing of the remote has been seen before.
        content: False leaves content at the remote, as in a pod that is partial already: history comes, files do not.
        depth: of each branch, get no more than so many commits. Only for a new pod, and without content.
        unshallow: get what an earlier `depth` has left out.
    """

    name: str
    time_ns: int
    accept_divergence: bool = False
    leave_blobs: bool = False
    manifest: Manifest | None = None
    content: bool = True
    depth: int | None = None
    unshallow: bool = False


def fetch(pod: Pod, remote: Remote, request: FetchRequest, progress: Progress = SILENT) -> Fetched:
    """Bring everything that a remote's refs name into this pod, under `refs/remotes/`.

    An interrupted fetch moves no ref and is resumed by the next one: packs that are here are not fetched again.

    Raises:
        RemoteUnavailable: if the remote cannot be read, or holds nothing.
        RemoteDiverged: if it does not continue what was seen before.
        RemoteDamaged: if a pack is not what the manifest says, or the refs are not what refs may be. No ref moves.
        SignatureInvalid: if something is signed by somebody else than it says, or no longer. No ref moves.
        Locked: if another process pushes to or fetches from the same remote.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports. No ref moves.
    """
    with fetching(pod, remote, request, progress) as begun:
        return begun.finish()


@contextlib.contextmanager
def fetching(pod: Pod, remote: Remote, request: FetchRequest, progress: Progress) -> Iterator[Fetching]:
    """Bring everything here, and let the block use it before it gets names by `finish`.

    Raises:
        SovrError: as for `fetch`.
    """
    with locked(pod.folder / "remotes" / f"{request.name}.lock"):
        pod.store.hold()
        state = RemoteState.load(pod.folder, request.name)
        manifest = request.manifest
        if manifest is None:
            manifest, _ = read_manifest(remote, RemoteState() if request.accept_divergence else state)
        if manifest is None:
            raise RemoteUnavailable(
                location=remote.describe(), reason="nothing has been pushed to it yet", hint="push something first"
            )
        begun = Fetching(pod, remote, request, state, manifest)
        begun.receive(progress)
        yield begun


class Fetching:
    """A fetch that has not given names to what it brought."""

    def __init__(self, pod: Pod, remote: Remote, request: FetchRequest, state: RemoteState, manifest: Manifest) -> None:
        self.manifest = manifest
        self.places: Mapping[ObjectId, Location] = {}
        """Where everything is that this pod did not have before."""
        self.signers = NOBODY
        self._pod = pod
        self._remote = remote
        self._request = request
        self._state = state
        self._names = _local_names(manifest, remote, request.name)
        self._content = request.content and not pod.is_partial
        self._receiver = Receiver(
            pod, remote, leave_blobs=request.leave_blobs and self._content, leave_pieces=not self._content
        )
        self.promises = Promises(pod, {**known_manifests(pod), request.name: manifest})
        """What may be left at remotes."""

    def receive(self, progress: Progress) -> None:
        """Get what is not here, and see that it hangs together."""
        store, receiver = self._pod.store, self._receiver
        if self._request.depth is not None:
            self._receive_cut(self._request.depth, progress)
            return
        known = RemoteState.known_of_all(self._pod.folder)
        if self._request.unshallow:
            known, store.shallow = frozenset(), frozenset()
        # What an interrupted fetch, or another process, has brought since the store was opened.
        store.refresh()
        present = {info.id for info in store.packs()}
        offered = [pack for pack in self.manifest.packs if self._content or pack.kind is PackClass.METADATA]
        absent = [pack for pack in offered if pack.id not in present]
        receiver.check_again([pack for pack in self.manifest.packs if pack.id in present and pack.id not in known])
        receiver.receive([pack for pack in absent if pack.id not in known], progress)
        if not self._content:
            self._complete(present, progress)
        try:
            self.places = self._check_connected()
        except ObjectMissing:
            # What was known once may be gone since.
            receiver.receive([pack for pack in absent if pack.id in known], progress)
            self.promises.forget()
            with blaming(self._remote):
                self.places = self._check_connected()
        except BROKEN as error:
            raise RemoteDamaged(remote=self._remote.describe(), reason=error.message) from error
        self._check_signatures()

    def _check_signatures(self) -> None:
        """Whether everything that is new is signed by those who it says, or by nobody, as it was before."""
        store = self._pod.store
        found = ((item, location.kind) for item, location in self.places.items())
        self.signers, unsigned = check_all(store, found)
        if unsigned:
            refuse_stripped(self._left_behind({self.places[item].kind for item in unsigned}), unsigned)

    def _left_behind(self, kinds: Collection[Kind]) -> Iterator[tuple[ObjectId, Signed]]:
        """Commits here that the remote's branches do not have any more, with their runs; records of these kinds that
        are here."""
        store, values = self._pod.store, self._pod.refs.read().values
        for name, new in self._names.items():
            old = values.get(name)
            if old is not None and name.startswith(REMOTES) and not is_ancestor(store, old, new):
                for identity, commit in walk(store, [old], [new]):
                    yield identity, commit
                    if commit.run is not None and Kind.RUN in kinds:
                        yield commit.run, store.run(commit.run)
        for name, value in values.items():
            kind = Kind.RUN if name.startswith(RUNS) else Kind.VERDICT
            if name.startswith((RUNS, VERDICTS)) and kind in kinds:
                yield value, read_signed(store, value, kind)

    def _receive_cut(self, depth: int, progress: Progress) -> None:
        """Get the newest commits only, entry by entry. Where a part of a pack costs as much as the whole, all of
        history comes, and is cut here."""
        store = self._pod.store
        self.receive_tables(progress)
        heads = [value for name, value in self.manifest.refs.items() if name.startswith(HEADS)]
        with blaming(self._remote):
            boundary = cut_history(store, heads, depth, lambda wanted: self.obtain(wanted, SILENT))
            store.shallow = frozenset(boundary)
            write_shallow(self._pod.folder, boundary)
            kept = kept_refs(store, self.manifest.refs)
            self._names = _local_names(replace(self.manifest, refs=kept), self._remote, self._request.name)
            self.promises.forget()
            self.places = self._check_connected()

    def receive_tables(self, progress: Progress = SILENT) -> None:
        """Get what says where everything is, so that single objects can be obtained. No more than that, if parts of
        packs cost less than the whole; else all of history comes too.

        Raises:
            SovrError: as for `fetch`.
        """
        if self._remote.has_ranges:
            self._get_tables(self.manifest.packs)
        else:
            self._receiver.receive([pack for pack in self.manifest.packs if pack.kind is PackClass.METADATA], progress)
            self._complete(frozenset(), progress)
        self.promises.forget()

    def obtain(self, wanted: Iterable[ObjectId], progress: Progress) -> Obtained:
        """Bring objects here that were left at the remote.

        Raises:
            SovrError: as for `sovrgit.remotes.obtain.obtain`.
        """
        own = Promises(self._pod, {self._request.name: self.manifest})
        return obtain(self._pod, wanted, own, lambda _: self._remote, progress)

    def _complete(self, present: Collection[ObjectId], progress: Progress) -> None:
        """Get what belongs to history and lies in content packs: tables of contents that came with no metadata pack,
        and the pieces of folders so large that they are chunked."""
        store = self._pod.store
        known = self.promises.described()
        content = [pack for pack in self.manifest.packs if pack.kind is PackClass.CONTENT]
        self._get_tables([pack for pack in content if pack.id not in present and pack.id not in known])
        with blaming(self._remote):
            pieces = [piece for item, _ in self._receiver.large for piece in store.chunks(item)]
        if absent := store.absent(list(dict.fromkeys(pieces))):
            self.obtain(absent, progress)
        self._receiver.check_large()

    def _get_tables(self, packs: Sequence[PackEntry]) -> None:
        """Get the tables of contents of packs that stay at the remote."""
        tables = [replace(read_table(self._pod, self._remote, pack), pack=pack.id) for pack in packs]
        if not tables:
            return
        finished: list[FinishedPack] = []
        series = PackSeries(self._pod.temporary, PackClass.METADATA, finished)
        for table in tables:
            series.add(table_entry(table))
        series.close()
        give_names(self._pod.store, finished)
        self.promises.forget()

    def _check_connected(self) -> Mapping[ObjectId, Location]:
        """Follow refs from what is new to what this pod's own refs reach: nothing broken gets a name here.

        Not to what a manifest named earlier: of that only a part may be here.
        """
        promised = None if self._content else self.promises.find
        # What was cut off before is not reached from what is here.
        own = () if self._request.unshallow else self._pod.refs.read().values.values()
        collector = Collector(self._pod.store, own, promised)
        for name, value in self._names.items():
            kind = self._pod.store.kind(value)
            if kind not in _KINDS[name.split("/")[1]]:
                raise IntegrityFailure(what=f"`{name}`", reason=f"it leads to a {kind.label}")
            collector.add(value)
        return collector.wanted

    def finish(self, verified: Collection[bytes] = ()) -> Fetched:
        """Check what was not read yet, and let this pod's refs follow.

        Args:
            verified: blobs that were read and found to be good meanwhile.

        Raises:
            RemoteDamaged: if a blob is not what it is said to be. No ref moves.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        self._receiver.check_blobs(verified)
        if self._request.unshallow:
            write_shallow(self._pod.folder, ())
        moved = self._move_refs()
        known = frozenset(pack.id for pack in self.manifest.packs if self._content or pack.kind is PackClass.METADATA)
        if (self.manifest, known) != (self._state.manifest, self._state.known):
            replace(self._state, manifest=self.manifest, known=known).save(self._pod.folder, self._request.name)
        received = self._receiver.received
        size = sum(pack.size for pack in received)
        return Fetched(tuple(moved), size, len(received), self.manifest, self.signers)

    def _move_refs(self) -> list[RefChange]:
        with self._pod.lock():
            values = self._pod.refs.read().values
            moved = [
                RefChange(name, values.get(name), value)
                for name, value in self._names.items()
                # Only what follows the remote moves; what has a lasting name keeps it.
                if values.get(name) != value and (name.startswith(REMOTES) or name not in values)
            ]
            if moved:
                self._pod.refs.update(moved, command="fetch", time_ns=self._request.time_ns)
        return moved


def _local_names(manifest: Manifest, remote: Remote, remote_name: str) -> dict[str, ObjectId]:
    """What the remote's refs are called here. Kinds of refs that are not known are left out.

    Raises:
        RemoteDamaged: if a name is too long here, or is not the one that a record has.
    """
    names = {}
    for name, value in manifest.refs.items():
        if name.startswith(HEADS):
            name = f"{REMOTES}{remote_name}/{name[len(HEADS) :]}"
        elif name.startswith((RUNS, VERDICTS)):
            if name.rpartition("/")[2] != str(value):
                raise RemoteDamaged(remote=remote.describe(), reason="a run or verdict has another one's name")
        elif not name.startswith(TAGS):
            continue
        try:
            names[check_ref(name)] = value
        except UnsafeName as error:
            raise RemoteDamaged(remote=remote.describe(), reason=error.message) from error
    return names
