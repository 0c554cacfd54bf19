"""Making a bundle of a pod: what a push would send, in one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.actions import recipe_summary
from sovrgit.errors import PodExists, RevisionNotFound
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sovrgit.pod.pod import Pod
    from sovrgit.remotes.manifest import Manifest


def bundle_pod(
    pod: Pod,
    target: Path,
    *,
    time_ns: int,
    branches: Sequence[str] = (),
    with_runs: bool = False,
    replace: bool = False,
    allowed: Collection[bytes] = (),
    progress: Progress = SILENT,
) -> Manifest:
    """Write branches, all if none is named, with tags and verdicts, into one file.

    Args:
        time_ns: now, in nanoseconds since 1970.
        with_runs: also records of failed and repeated runs.
        replace: if there is such a file, replace it.
        allowed: paths of files that look like secrets and may be in it all the same.

    Raises:
        RevisionNotFound: if there is no such branch, or no commit yet.
        PodExists: if there is something at `target`.
        SecretFound: if a file that would be in it looks like a secret.
        StorageFull, ReadOnly, StorageFailure: nothing is left behind.
    """
    from sovrgit.pod.refs import HEADS, RUNS, TAGS, VERDICTS
    from sovrgit.pod.secretscan.find import refusal, secrets_to_send
    from sovrgit.remotes.bundle import write_bundle
    from sovrgit.remotes.collect import Collector
    from sovrgit.remotes.manifest import REPOSITORY_ID_SIZE, Manifest
    from sovrgit.remotes.packing import Packing

    if target.exists() and not replace:
        raise PodExists(path=target, reason="is there already", hint="choose another name, or `--force`")
    refs = pod.refs.read()
    chosen = [HEADS + branch for branch in branches] or sorted(ref for ref in refs.values if ref.startswith(HEADS))
    missing = next((ref for ref in chosen if ref not in refs.values), None)
    if missing is not None or not chosen:
        hint = None if chosen else "there is no commit yet; run `sovr commit`"
        raise RevisionNotFound(revision=(missing or refs.head).removeprefix(HEADS), hint=hint)
    records = (TAGS, VERDICTS, RUNS) if with_runs else (TAGS, VERDICTS)
    chosen += [ref for ref in refs.values if ref.startswith(records)]
    collector = Collector(pod.store, ())
    for ref in chosen:
        collector.add(refs.values[ref])
    findings = secrets_to_send(pod.store, collector.wanted, allowed)
    if findings:
        raise refusal(findings)
    with Packing(pod.store, collector.wanted) as packing:
        manifest = Manifest(
            repository=os.urandom(REPOSITORY_ID_SIZE),
            generation=1,
            chain=(),
            writer="bundle",
            time=time_ns,
            head=refs.head if refs.head in chosen else next(ref for ref in chosen if ref.startswith(HEADS)),
            refs={ref: refs.values[ref] for ref in chosen},
            packs=tuple(pack.entry for pack in packing.packs),
            recipe=recipe_summary(pod),
        )
        write_bundle(target, manifest, [pack.path for pack in packing.packs], progress)
    return manifest
