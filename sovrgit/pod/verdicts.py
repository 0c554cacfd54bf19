"""The verdicts on runs that refs of a pod lead to."""

from __future__ import annotations

from collections.abc import Collection

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS


def verdicts_on(pod: Pod, runs: Collection[ObjectId]) -> dict[ObjectId, list[Verdict]]:
    """The verdicts on each of some runs, the latest first; runs without any are left out.

    They are read one by one, which needs no index: `sovr log` must not have to make one.
    """
    found: dict[ObjectId, list[Verdict]] = {}
    wanted = frozenset(runs)
    if not wanted:
        return found
    for name, identity in pod.refs.read().values.items():
        if name.startswith(VERDICTS):
            try:
                verdict = pod.store.verdict(identity)
            except ObjectMissing:  # `sovr fsck` tells
                continue
            if verdict.run in wanted:
                found.setdefault(verdict.run, []).append(verdict)
    for verdicts in found.values():
        verdicts.sort(key=lambda verdict: -verdict.time)
    return found
