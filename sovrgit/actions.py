"""What one action of a user takes from several layers: pushing, cloning, forking, asking before a repeat.

Shared by the command line and by `sovrgit.api`. Like the library below, nothing here knows environment or terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import RecipeInvalid, RevisionNotFound, RunNotTrusted
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.clone import Cloned
    from sovrgit.remotes.fetch import Fetched
    from sovrgit.remotes.push import Pushed
    from sovrgit.runs.record import RunRequest


def push_pod(
    pod: Pod,
    name: str,
    *,
    time_ns: int,
    branches: Sequence[str] = (),
    with_runs: bool = False,
    progress: Progress = SILENT,
) -> Pushed:
    """Push branches, or the current one, with tags and verdicts, and the pod's summary for listings.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        with_runs: also records of failed and repeated runs.

    Raises:
        RevisionNotFound: if there is no such branch, or no commit yet.
        SovrError: as for `sovrgit.remotes.push.push`.
    """
    from sovrgit.pod.refs import HEADS, RUNS, TAGS, VERDICTS
    from sovrgit.remotes.locations import open_remote
    from sovrgit.remotes.push import PushRequest, push

    remote = open_remote(pod, name)
    refs = pod.refs.read()
    chosen = [HEADS + branch for branch in branches] or [refs.head]
    for ref in chosen:
        if ref not in refs.values:
            hint = "there is no commit yet; run `sovr commit`" if ref == refs.head else None
            raise RevisionNotFound(revision=ref.removeprefix(HEADS), hint=hint)
    records = (TAGS, VERDICTS, RUNS) if with_runs else (TAGS, VERDICTS)
    chosen += [ref for ref in refs.values if ref.startswith(records)]
    return push(pod, remote, PushRequest(name, chosen, time_ns, recipe_summary(pod)), progress)


def get_pod(
    reference: str,
    base: Path,
    folder: Path | None,
    *,
    remote_name: str,
    time_ns: int,
    progress: Progress = SILENT,
) -> Cloned:
    """Clone the pod that a reference names, and remember the reference.

    Args:
        base: what relative paths are relative to.
        folder: where to; a new folder in `base`, named like the pod, if None.

    Raises:
        ReferenceUnknown, RemoteUnavailable: if the reference leads to no pod.
        SovrError: as for `sovrgit.remotes.clone.clone`.
    """
    from sovrgit.remotes.clone import clone
    from sovrgit.remotes.locations import open_existing

    remote = open_existing(reference, base)
    target = base / (_folder_name(remote) if folder is None else folder)
    cloned = clone(remote, target, time_ns=time_ns, remote_name=remote_name, progress=progress)
    cloned.pod.config.set("pod.origin", remote.describe())
    return cloned


def _folder_name(remote: Remote) -> str:
    """The pod's own name, if that can be a folder's; else that of the place it comes from."""
    from sovrgit.pod.recipe_checks import check_name
    from sovrgit.pod.recipe_lines import Fault
    from sovrgit.remotes.reading import decode_manifest

    manifest = decode_manifest(remote, remote.read_manifest())
    name = manifest.recipe.get("name", "") if manifest is not None else ""
    try:
        return check_name((), name)
    except Fault:
        return Path(remote.location).name.removesuffix(".sovr") or "pod"


def begin_fork(cloned: Cloned, reference: str, author: Stamp) -> ObjectId:
    """Make the first own commit of a fork, which names the pod, commit and reference that it comes from."""
    from sovrgit.remotes.clone import fork

    name = recipe_summary(cloned.pod).get("name") or Path(reference).name
    origin = cloned.pod.config.get("pod.origin") or reference
    return fork(cloned, origin, name, author, f"Fork {name} at {cloned.head.short}")


def recipe_summary(pod: Pod) -> dict[str, str]:
    """Name, kind and description of the pod as its last commit has them; empty if it has no valid recipe."""
    from sovrgit.runs.inputs import read_recipe

    try:
        recipe = read_recipe(pod.store, pod.head_tree())[1]
    except RecipeInvalid:
        return {}
    values = {
        "name": recipe.name,
        "kind": str(recipe.kind),
        "description": recipe.description,
        "version": recipe.version,
        "author": recipe.author,
    }
    return {key: value for key, value in values.items() if value}


def pull_pod(pod: Pod, name: str, *, time_ns: int, progress: Progress = SILENT) -> tuple[Fetched, int]:
    """Fetch from a remote and move forward to it: what was fetched, and the number of paths that changed.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.

    Raises:
        HistoryDiverged, LocalChanges, RevisionNotFound: as for `sovrgit.remotes.pull.fast_forward`.
        SovrError: as for `sovrgit.remotes.fetch.fetch`.
    """
    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.locations import open_remote
    from sovrgit.remotes.pull import fast_forward
    from sovrgit.runs.trust import take_from_others

    fetched = fetch(pod, open_remote(pod, name), FetchRequest(name, time_ns), progress)
    # Before the first foreign script arrives, while all that is here is still the user's own.
    take_from_others(pod)
    return fetched, fast_forward(pod, name, time_ns=time_ns)


def approve_recorded(pod: Pod, identity: ObjectId, request: RunRequest, *, hint: str | None = None) -> None:
    """Ask, as the request says, before a recorded run is repeated whose scripts are somebody else's.

    Args:
        hint: what to do if they are not approved; there is a general one otherwise.

    Raises:
        RunNotTrusted: if they are not approved.
    """
    from sovrgit.runs.inputs import read_recipe
    from sovrgit.runs.trust import approve, proposal

    run = pod.store.run(identity)
    golem = read_recipe(pod.store, run.input)[1].golem
    if golem is None:
        return
    proposed = proposal(pod, run.input, golem, " ".join(run.command), run.by, recorded=True)
    if proposed is None:
        return
    if not request.approve(proposed):
        raise RunNotTrusted(command=proposed.command, origin=proposed.origin, hint=hint)
    approve(pod, proposed.code, proposed.files)
