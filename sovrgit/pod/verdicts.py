"""The verdicts on runs that refs of a pod lead to."""

from __future__ import annotations

from collections.abc import Collection

from sovrgit.errors import IntegrityFailure, NotFetched, ObjectInvalid, ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS


def verdicts_on(pod: Pod, runs: Collection[ObjectId]) -> tuple[dict[ObjectId, list[Verdict]], int]:
    """The verdicts on each of some runs, the latest first; runs without any are left out. And how many are damaged.

    They are read one by one, which needs no index: `sovr log` must not have to make one. Nor must it end because of a
    record that the history does not depend on.
    """
    found: dict[ObjectId, list[Verdict]] = {}
    unread = 0
    wanted = frozenset(runs)
    if not wanted:
        return found, unread
    for name, identity in pod.refs.read().values.items():
        if name.startswith(VERDICTS):
            try:
                verdict = pod.store.verdict(identity)
            except NotFetched:  # a partial clone has what it was asked for
                continue
            except (ObjectMissing, ObjectInvalid, IntegrityFailure):
                unread += 1
                continue
            if verdict.run in wanted:
                found.setdefault(verdict.run, []).append(verdict)
    for verdicts in found.values():
        verdicts.sort(key=lambda verdict: -verdict.time)
    return found, unread
