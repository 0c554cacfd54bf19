"""Bringing records from the repository of one pod into that of another, with all that they lead to."""

from __future__ import annotations

from collections.abc import Iterable

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.payloads.bring import copy_objects
from sovrgit.pod.links import links_of
from sovrgit.pod.pod import Pod
from sovrgit.store.store import ObjectStore


def carry(store: ObjectStore, pod: Pod, starts: Iterable[ObjectId]) -> None:
    """Copy trees and records, and everything that they lead to, into the store of a pod. What is there is not copied.

    Args:
        store: where they are; what was left at a remote is got.

    Raises:
        ObjectMissing, NotFetched: if a part of them cannot be had.
        IntegrityFailure, ObjectInvalid: if a part of them is damaged.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    pod.store.hold()
    pod.store.refresh()
    copy_objects(store, pod, _missing(store, pod, starts))


def _missing(store: ObjectStore, pod: Pod, starts: Iterable[ObjectId]) -> dict[ObjectId, Kind]:
    """What the pod does not have, with its kind. Nothing is looked for below what it has whole."""
    found: dict[ObjectId, Kind] = {}
    waiting = [(item, store.kind(item)) for item in dict.fromkeys(starts)]
    while waiting:
        item, kind = waiting.pop()
        # Where content was left at a remote, folders and records are here that are not whole.
        if item in found or item == EMPTY_TREE_ID or (pod.store.has(item) and not pod.is_partial):
            continue
        found[item] = kind
        if kind is Kind.TREE:
            entries = store.tree(item).entries
            waiting += [(entry.id, Kind.TREE if entry.is_directory else Kind.BLOB) for entry in entries]
        elif kind is not Kind.BLOB:
            waiting += [(target, next(iter(kinds))) for target, kinds in links_of(store, item, kind)]
    return found
