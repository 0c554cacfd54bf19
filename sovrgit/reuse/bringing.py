"""Getting the result that a record promises: every byte is verified by its id before it counts."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping

from sovrgit.errors import IntegrityFailure, NotFetched, ObjectInvalid, RemoteDamaged, StorageFull
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.collect import Collector
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.obtain import obtain
from sovrgit.remotes.promises import Promise, Promises
from sovrgit.remotes.ranges import Wanted as Entry
from sovrgit.remotes.ranges import opened_pack
from sovrgit.remotes.reading import blaming
from sovrgit.reuse.cache import RecordCache
from sovrgit.reuse.hasty import Deadline
from sovrgit.reuse.reading import LARGEST_RECORD, data_of
from sovrgit.store.format import PackClass, Toc

MOST_REPEATS = 8
"""Runs in a row, each of which repeats the next one."""

LEAST_PACE = 256 << 10
"""Bytes a second that a result has to come at."""

_WHOLE_PACK = 32 << 20
"""Bytes that may have to come for a small part, where there are no ranges."""

DEEPEST = 200
"""Folders in folders of an output."""


class Shelf(Promises):
    """What a place holds, by the tables that were read of its packs."""

    def __init__(self, pod: Pod, name: str, manifest: Manifest, cache: RecordCache) -> None:
        super().__init__(pod, {name: manifest})
        self._sources = [pack.id for pack in manifest.packs if pack.kind is PackClass.METADATA]
        self._cache = cache

    def _known_tables(self) -> list[tuple[ObjectId, Toc]]:
        if self._tables is None:
            found = list(super()._known_tables())
            for pack, data in self._cache.tables(self._sources):
                if pack in self._packs:
                    try:
                        found.append((pack, Toc.decode(data)))
                    except ObjectInvalid:
                        # The file here is damaged. What it says is not believed either way.
                        continue
            self._tables = found
        return self._tables


def read_records(
    pod: Pod, remote: Remote, shelf: Shelf, wanted: Collection[ObjectId], kind: Kind
) -> Mapping[ObjectId, bytes]:
    """The bytes of records of a kind, each verified against its id, as far as the place promises them.

    Raises:
        RemoteDamaged, RemoteUnavailable: as the place gives cause.
    """
    packs: dict[ObjectId, list[Promise]] = {}
    ids: dict[ObjectId, list[ObjectId]] = {}
    for item, promise in shelf.find(wanted).items():
        if promise.place.kind is kind and promise.place.size <= LARGEST_RECORD:
            packs.setdefault(promise.entry.id, []).append(promise)
            ids.setdefault(promise.entry.id, []).append(item)
    found: dict[ObjectId, bytes] = {}
    for pack, promises in packs.items():
        entries = [Entry(promise.place, item) for promise, item in zip(promises, ids[pack], strict=True)]
        with opened_pack(pod, remote, promises[0].entry) as source, blaming(remote):
            for made in source.entries(entries):
                found[made.id] = data_of(made)
    return found


def bring_run(
    pod: Pod, remote: Remote, shelf: Shelf, run: ObjectId, deadline: Deadline, progress: Progress = SILENT
) -> None:
    """Bring a run here whose inputs are here, with its output, its log, and the runs that it repeats.

    Nothing gets a name: what comes of a failure is garbage.

    Raises:
        NotFetched: if the place does not have all of it.
        RemoteDamaged, RemoteUnavailable: as the place gives cause.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    bringing = _Bringing(pod, remote, shelf, deadline, progress)
    current: ObjectId | None = run
    for _ in range(MOST_REPEATS):
        if current is None:
            break
        with blaming(remote):
            current = bringing.bring(current).repeats
    if current is not None:
        raise RemoteDamaged(remote=remote.describe(), reason="it repeats a run that repeats one, and so on", hint="")
    # As if it had been fetched: all is here, of the kind and size that it is said to have.
    with blaming(remote):
        promised = Promises.of(pod).find if pod.is_partial else None
        Collector(pod.store, pod.refs.read().values.values(), promised).add(run)


def bring_verdict(
    pod: Pod, remote: Remote, shelf: Shelf, verdict: ObjectId, deadline: Deadline, progress: Progress = SILENT
) -> None:
    """Bring a verdict here, with the run that it rests on. The run that it is on is here. Raises as `bring_run`."""
    with blaming(remote):
        obtain(pod, [verdict], shelf, lambda _: remote, progress)
        repeat = pod.store.verdict(verdict).repeat
    bring_run(pod, remote, shelf, repeat, deadline, progress)


class _Bringing:
    def __init__(self, pod: Pod, remote: Remote, shelf: Shelf, deadline: Deadline, progress: Progress) -> None:
        self._pod = pod
        self._remote = remote
        self._shelf = shelf
        self._deadline = deadline
        self._progress = progress

    def bring(self, identity: ObjectId) -> Run:
        """One run, with what it left."""
        store = self._pod.store
        self._get([identity])
        run = store.run(identity)
        # A repetition is of the same inputs; of others, only what is here can be taken.
        if not store.has(run.input):
            raise IntegrityFailure(what=f"run {identity.short}", reason="it leads to a run with other inputs")
        trees = [tree for tree in (run.output, run.log) if tree is not None]
        files: dict[ObjectId, int] = {}
        for _ in range(DEEPEST):
            trees = [tree for tree in trees if tree != EMPTY_TREE_ID]
            if not trees:
                break
            self._get(trees)
            entries = [entry for tree in trees for entry in store.tree(tree).entries]
            files |= {entry.id: entry.size for entry in entries if not entry.is_directory}
            trees = list(dict.fromkeys(entry.id for entry in entries if entry.is_directory))
        if trees:
            raise IntegrityFailure(what=f"run {identity.short}", reason="its output has too many folders in folders")
        size = sum(files.values())
        if size > shutil.disk_usage(self._pod.folder).free // 2:
            raise StorageFull(path=self._pod.folder)
        self._deadline.extend((size + _WHOLE_PACK) / LEAST_PACE)
        self._get(list(files))
        return run

    def _get(self, wanted: list[ObjectId]) -> None:
        self._deadline.check(self._remote.describe())
        try:
            obtain(self._pod, wanted, self._shelf, lambda _: self._remote, self._progress)
        except NotFetched as error:
            raise RemoteDamaged(
                remote=self._remote.describe(),
                reason=f"a part of the result is not there, object {error.fields['id']}",
                hint="",
            ) from error
