"""Bringing records and trees from the repository of one pod into that of another, with all that they need."""

from __future__ import annotations

from collections.abc import Iterable

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.links import links_of
from sovrgit.pod.pod import Pod
from sovrgit.store.format import CHUNK_FROM
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore


def carry(origin: ObjectStore, pod: Pod, starts: Iterable[ObjectId]) -> int:
    """Store what is at `origin`, and everything that it leads to, in the pod as well; the number of new objects.

    What the pod has whole is not looked into. All becomes visible at once, or nothing.

    Raises:
        ObjectMissing, NotFetched: if something is not at `origin`.
        IntegrityFailure, ObjectInvalid: if something there is damaged.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    found = _missing(origin, pod, starts)
    if not found:
        return 0
    origin.ensure(item for item, kind in found.items() if kind is Kind.BLOB)
    with pod.store.session() as session:
        for item, kind in found.items():
            _copy(origin, session, item, kind)
        session.commit()
    return len(found)


def _missing(origin: ObjectStore, pod: Pod, starts: Iterable[ObjectId]) -> dict[ObjectId, Kind]:
    """What the pod does not have, with its kind; what leads to something stands after it."""
    store = pod.store
    store.refresh()
    store.hold()
    found: dict[ObjectId, Kind] = {}
    # What is led to must come first, so everything is met twice: before and after what is below it.
    waiting = [(item, origin.kind(item), False) for item in dict.fromkeys(starts)]
    while waiting:
        item, kind, seen_below = waiting.pop()
        if seen_below:
            found[item] = kind
            continue
        # What was left at a remote has folders here that are not whole.
        here = item == EMPTY_TREE_ID or (store.has(item) and not (kind is not Kind.BLOB and pod.is_partial))
        if here or item in found:
            continue
        if kind is Kind.BLOB:
            found[item] = kind
            continue
        waiting.append((item, kind, True))
        if kind is Kind.TREE:
            entries = origin.tree(item).entries
            waiting += [(entry.id, Kind.TREE if entry.is_directory else Kind.BLOB, False) for entry in entries]
        else:
            waiting += [(target, next(iter(kinds)), False) for target, kinds in links_of(origin, item, kind)]
    return found


def _copy(origin: ObjectStore, session: WriteSession, item: ObjectId, kind: Kind) -> None:
    if session.has(item):
        return
    if origin.size(item) < CHUNK_FROM:
        session.add(kind, bytes(origin.read(item, kind)))
        return
    pieces = origin.stream(item)
    left = memoryview(b"")

    def readinto(view: memoryview) -> int:
        nonlocal left
        while not left:
            piece = next(pieces, None)
            if piece is None:
                return 0
            left = memoryview(piece).cast("B")
        size = min(len(left), len(view))
        view[:size] = left[:size]
        left = left[size:]
        return size

    session.add_stream(readinto, kind)
