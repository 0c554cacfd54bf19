"""Making a partial pod a whole one: everything comes here that remotes hold."""

from __future__ import annotations

import shutil
from dataclasses import replace

from sovrgit.pod.pod import Pod
from sovrgit.pod.presence import Got, get_paths
from sovrgit.pod.shallow import write_shallow
from sovrgit.pod.sparse import SPARSE_FILE
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.promises import PROMISED, Promises, known_manifests
from sovrgit.remotes.state import RemoteState
from sovrgit.remotes.supply import Supply
from sovrgit.store.files import reporting


def get_all(pod: Pod, supply: Supply, progress: Progress = SILENT) -> Got:
    """Get everything that remotes hold, of all commits. The pod is a whole one from then on.

    Raises:
        SovrError: as for `sovrgit.remotes.obtain.obtain` and `sovrgit.pod.presence.get_paths`.
    """
    supply.get(pod.store.absent([item for item, _ in Promises.of(pod).all()]))
    got = get_paths(pod, [b""], progress)
    with pod.lock():
        for name, manifest in known_manifests(pod).items():
            known = frozenset(pack.id for pack in manifest.packs)
            replace(RemoteState.load(pod.folder, name), known=known).save(pod.folder, name)
        with reporting(pod.folder):
            (pod.folder / SPARSE_FILE).unlink(missing_ok=True)
        write_shallow(pod.folder, ())
        pod.store.shallow = frozenset()
        shutil.rmtree(pod.folder / PROMISED, ignore_errors=True)
    return got
