"""Looking for secrets in everything that a push would send: files of all commits, outputs and logs of runs, records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sovrgit.errors import SecretFound
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.secondprocess import FromBothEnds, can_fork, packed, second_process, unpacked
from sovrgit.pod.secretscan.contents import (
    Batch,
    Entry,
    Reading,
    Unreadable,
    read_beginning,
    read_group,
    read_one_by_one,
)
from sovrgit.pod.secretscan.looking import sights
from sovrgit.pod.secretscan.places import Places
from sovrgit.pod.secretscan.rules import Hit
from sovrgit.pod.secretscan.tokens import tokens_in
from sovrgit.store.catalogue import Location
from sovrgit.store.store import ObjectStore

_TOLD = 5
"""Paths that the message names; `--json` has all of them, one a line."""

WORTHWHILE = 10_000
"""Files from which a second process pays, which costs some 10 ms."""

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


_Looked: TypeAlias = tuple[list[Finding], list[list[Entry]]]
"""What was found, and the groups that have still to be looked at."""


def secrets_to_send(
    store: ObjectStore,
    needed: Mapping[ObjectId, Location],
    allowed: Collection[bytes] = (),
    *,
    sent: Mapping[ObjectId, Location] | None = None,
) -> list[Finding]:
    """What looks like a secret in objects that are about to be sent.

    Args:
        needed: everything that the other side needs and has not, as a `Collector` has gathered it.
        allowed: paths that may be sent all the same: files, folders, or records as `Finding.path` names them.
        sent: the part of it that is sent, if the rest is had from elsewhere, such as from the origin of a fork.

    Raises:
        ObjectMissing, IntegrityFailure, StorageFailure: if something cannot be read.
    """
    sent = needed if sent is None else sent
    places = Places(store, allowed, needed.__contains__, sent.__contains__)
    records = _in_order(store, ((item, place.kind) for item, place in needed.items()))
    for record in records:
        record.add_to(places, ())
    blobs = {item: sent[item] for item in places.blobs}
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
    return _findings(store, places, store.locations(places.blobs.keys()), records)


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


def _findings(
    store: ObjectStore,
    places: Places,
    blobs: Mapping[ObjectId, Location],
    records: Iterable[_Record],
) -> list[Finding]:
    found: list[Finding] = []
    for record in records:
        path = f"{record.kind.label} {record.id.short}".encode()
        if not places.allows(path):
            rules = dict.fromkeys(hit.rule for hit in tokens_in(bytes(store.read(record.id, record.kind))))
            found += [Finding(path, rule.name, rule.what, None, record.id, record.id) for rule in rules]
    reading = Reading.of(blobs)
    for item, location in reading.large:
        found += _in_batch(read_beginning(store, item, location), places)
    in_groups, unread = _in_all(store, reading.groups, places)
    found += in_groups
    for group in unread:
        found += _in_batch(read_one_by_one(store, group), places)
    return sorted(set(found), key=lambda each: (each.path, each.rule, each.line or 0, each.holder, each.object))


def _in_all(store: ObjectStore, groups: Sequence[list[Entry]], places: Places) -> _Looked:
    """What is found in groups of blobs. Searching holds the interpreter lock, so a second process takes a part."""
    if sum(map(len, groups)) < WORTHWHILE or not can_fork():
        return _in_groups(store, groups, places)
    work = FromBothEnds(groups)
    with second_process(lambda: packed(lambda: _in_groups(store, work.from_end(), places))) as child:
        found, unread = _in_groups(store, work.from_start(), places)
        answer = child.answer()
    others = _in_groups(store, work.others(), places) if answer is None else unpacked(answer, tuple)
    return found + others[0], unread + others[1]


def _in_groups(store: ObjectStore, groups: Iterable[list[Entry]], places: Places) -> _Looked:
    """What is found in groups of blobs, and the groups that cannot be read in this way."""
    found: list[Finding] = []
    unread: list[list[Entry]] = []
    for group in groups:
        try:
            batch = read_group(store, group)
        except Unreadable:
            unread.append(group)
        else:
            found += _in_batch(batch, places)
    return found, unread


def _in_batch(batch: Batch, places: Places) -> Iterator[Finding]:
    """What there is in some blobs. Most batches have nothing, and cost one search."""
    hits: dict[int, list[Hit]] = {number: [] for number, item in enumerate(batch.ids) if item in places.named}
    for hit in tokens_in(batch.data):
        number = batch.at(hit.start)
        hits.setdefault(number, []).append(Hit(hit.rule, hit.start - batch.starts[number]))
    for number, tokens in hits.items():
        item = batch.ids[number]
        content = batch.content(number)
        for place in places.blobs[item]:
            for sight in sights(content, tokens, place.path, place.key_files):
                yield Finding(place.path, sight.rule.name, sight.rule.what, sight.line, place.holder, item)
