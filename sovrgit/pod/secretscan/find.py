"""Looking for secrets in everything that a push would send: files of all commits, outputs and logs of runs, records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sovrgit.errors import SecretFound
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.secretscan.contents import read_blob
from sovrgit.pod.secretscan.looking import WHOLE, sights
from sovrgit.pod.secretscan.packs import MANY, Ahead, Looked, looking_at
from sovrgit.pod.secretscan.places import Places, files_in
from sovrgit.pod.secretscan.tokens import tokens_in
from sovrgit.store.catalogue import Location
from sovrgit.store.format import Codec
from sovrgit.store.store import ObjectStore

_TOLD = 5
"""Paths that the message names; `--json` has all of them, one a line."""

_MUCH = 4
"""A pack is looked at as a whole if a quarter of its objects is wanted: single ones take about four times as long."""

_RECORDS = (Kind.COMMIT, Kind.RUN, Kind.TAG, Kind.VERDICT)


class Finding(NamedTuple):
    """Something that looks like a secret; the secret itself is not in here.

    `path` is that of a file in the pod, or for a commit, run or tag itself its kind and short id, such as
    `run 9e124e7937`. `what` completes "looks like". `line` counts from 1, None where there are no lines. `holder` is
    the commit, run or tree in which the file was found first, `object` the blob or record.
    """

    path: bytes
    rule: str
    what: str
    line: int | None
    holder: ObjectId
    object: ObjectId


def secrets_to_send(
    store: ObjectStore,
    needed: Mapping[ObjectId, Location],
    allowed: Collection[bytes] = (),
    *,
    sent: Mapping[ObjectId, Location] | None = None,
    ahead: Ahead | None = None,
) -> list[Finding]:
    """What looks like a secret in objects that are about to be sent.

    Args:
        needed: everything that the other side needs and has not, as a `Collector` has gathered it.
        allowed: paths that may be sent all the same: files, folders, or records as `Finding.path` names them.
        sent: the part of it that is sent, if the rest is had from elsewhere, such as from the origin of a fork.
        ahead: what has begun to look at packs before it was known what is needed.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if something cannot be read.
    """
    sent = needed if sent is None else sent
    records = _in_order(store, ((item, place.kind) for item, place in needed.items()))
    files = files_in(store, (item for item, place in needed.items() if place.kind is Kind.TREE))
    files.all.update(record.recipe for record in records if record.recipe is not None)
    # Chunks are blobs too, and no files.
    blobs = {item: place for item, place in sent.items() if item in files.all}
    suspects = _suspects(store, blobs, ahead)
    suspects.update(item for item in files.named if item in blobs)
    places = Places(store, allowed, needed.__contains__, suspects.__contains__)
    if suspects:
        for record in records:
            record.add_to(places, ())
    return _findings(store, places, blobs, [record for record in records if record.id in sent])


def find_secrets(
    store: ObjectStore,
    items: Iterable[ObjectId],
    known_trees: Sequence[ObjectId] = (),
    allowed: Collection[bytes] = (),
) -> list[Finding]:
    """What looks like a secret in commits, runs or trees, for those who have no list of all that will be sent.

    A commit is compared with its parents, so each of a history is to be named that is not known to the other side.

    Args:
        items: the commits, runs, tags and trees; others have nothing to look at.
        known_trees: trees of whole pods that the other side has.
        allowed: as for `secrets_to_send`.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if something cannot be read.
    """
    places = Places(store, allowed)
    kinds = {item: store.kind(item) for item in items}
    records = _in_order(store, kinds.items())
    for record in records:
        parents = [store.commit(parent).tree for parent in record.parents if store.has(parent)]
        record.add_to(places, [*known_trees, *parents])
    for item, kind in kinds.items():
        if kind is Kind.TREE:
            places.add_tree(item, item, known_trees)
    blobs = store.locations(places.blobs.keys())
    places.keep_only(_suspects(store, blobs) | places.named)
    return _findings(store, places, blobs, records)


def refusal(findings: Sequence[Finding]) -> SecretFound:
    """The error that says what was found, and nothing of the secrets."""
    by_path: dict[bytes, Finding] = {}
    for finding in findings:
        by_path.setdefault(finding.path, finding)
    told = [_told(finding) for finding in list(by_path.values())[:_TOLD]]
    if len(by_path) > _TOLD:
        told.append(f"{len(by_path) - _TOLD} more")
    return SecretFound(findings=", ".join(told), paths="\n".join(map(_text, by_path)))


def _told(finding: Finding) -> str:
    line = "" if finding.line is None else f" line {finding.line}"
    return f"`{_text(finding.path)}`{line} ({finding.what})"


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


class _Record(NamedTuple):
    """A commit, run, tag or verdict, and what it leads to."""

    id: ObjectId
    kind: Kind
    time: int = 0
    trees: Sequence[ObjectId] = ()
    parents: Sequence[ObjectId] = ()
    recipe: ObjectId | None = None

    def add_to(self, places: Places, near: Sequence[ObjectId]) -> None:
        """Take the files that it leads to into account."""
        for tree in self.trees:
            places.add_tree(tree, self.id, near)
        if self.recipe is not None:
            places.add(RECIPE_FILE.encode(), self.recipe, self.id)


def _in_order(store: ObjectStore, items: Iterable[tuple[ObjectId, Kind]]) -> list[_Record]:
    """The records among some objects: commits first and the oldest before all, so that a file is told of where it
    came in."""
    records = [_record(store, item, kind) for item, kind in items if kind in _RECORDS]
    return sorted(records, key=lambda record: (record.kind is not Kind.COMMIT, record.time))


def _record(store: ObjectStore, item: ObjectId, kind: Kind) -> _Record:
    if kind is Kind.COMMIT:
        commit = store.commit(item)
        return _Record(item, kind, commit.time, (commit.tree,), commit.parents)
    if kind is Kind.RUN:
        run = store.run(item)
        trees = [tree for tree in (run.input, run.output, run.log) if tree is not None]
        return _Record(item, kind, run.started, trees, recipe=run.recipe)
    return _Record(item, kind)


def _suspects(store: ObjectStore, blobs: Mapping[ObjectId, Location], ahead: Ahead | None = None) -> set[ObjectId]:
    """The blobs that something is found in which looks like a secret by itself."""
    looked = _whole_packs(store, blobs, ahead)
    found = {item for item in looked.suspects if item in blobs}
    for item, place in blobs.items():
        was_seen = place.pack in looked.packs and place.size <= WHOLE and place.codec is not Codec.CHUNKS
        if not was_seen and any(tokens_in(read_blob(store, item, place))):
            found.add(item)
    return found


def _whole_packs(store: ObjectStore, blobs: Mapping[ObjectId, Location], ahead: Ahead | None) -> Looked:
    """Look at the packs of which much is wanted."""
    counts = Counter(place.pack for place in blobs.values())
    infos = [info for info in store.packs() if info.objects >= MANY and counts[info.id] * _MUCH >= info.objects]
    wanted = {info.id for info in infos}
    looked = ahead.finish(wanted) if ahead is not None else Looked(set(), set())
    with looking_at(store, [info for info in infos if info.id not in looked.packs]) as rest:
        others = rest.finish(wanted)
    return Looked(looked.packs | others.packs, looked.suspects | others.suspects)


def _findings(
    store: ObjectStore, places: Places, blobs: Mapping[ObjectId, Location], records: Iterable[_Record]
) -> list[Finding]:
    """What there is in the files that have places, and in the records themselves."""
    found: list[Finding] = []
    for record in records:
        path = f"{record.kind.label} {record.id.short}".encode()
        if not places.allows(path):
            rules = dict.fromkeys(hit.rule for hit in tokens_in(bytes(store.read(record.id, record.kind))))
            found += [Finding(path, rule.name, rule.what, None, record.id, record.id) for rule in rules]
    for item, standing in places.blobs.items():
        content = read_blob(store, item, blobs[item])
        for path, holder, key_files in standing:
            for rule, line in sights(path, content, key_files):
                found.append(Finding(path, rule.name, rule.what, line, holder, item))
    return sorted(set(found), key=lambda each: (each.path, each.rule, each.line or 0, each.holder, each.object))
