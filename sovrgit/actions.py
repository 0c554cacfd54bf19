"""What one action of a user takes from several layers: pushing, fetching, asking before a repeat.

Shared by the command line and by `sovrgit.api`. Like the library below, nothing here knows environment or terminal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from sovrgit.errors import RecipeInvalid, RevisionNotFound, RunNotTrusted
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.lockfile import LockedPayload
    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.payloads.state import PayloadState
    from sovrgit.pod.merge import FastForward, Merged
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.fetch import Fetched
    from sovrgit.remotes.networks import Networks
    from sovrgit.remotes.push import Pushed
    from sovrgit.runs.record import RunRequest


def push_pod(
    pod: Pod,
    name: str,
    *,
    time_ns: int,
    branches: Sequence[str] = (),
    with_runs: bool = False,
    full: bool = False,
    allowed: Collection[bytes] = (),
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> Pushed:
    """Push branches, or the current one, with tags and verdicts, and the pod's summary for listings.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        with_runs: also records of failed and repeated runs.
        full: send also what readers of a fork could get from the pod that it was forked from.
        allowed: paths of files that look like secrets and may be sent all the same.

    Raises:
        RevisionNotFound: if there is no such branch, or no commit yet.
        SovrError: as for `sovrgit.remotes.push.push`.
    """
    from sovrgit.pod.refs import DETACHED, HEADS, RUNS, TAGS, VERDICTS
    from sovrgit.remotes.borrowing import borrowed_packs
    from sovrgit.remotes.locations import open_remote
    from sovrgit.remotes.push import PushRequest, push
    from sovrgit.sharing import seal_if_private

    refs = pod.refs.read()
    if not branches and refs.head == DETACHED:
        raise RevisionNotFound(
            revision="HEAD",
            hint="no branch is checked out; `sovr switch -c NAME` makes one of it, or name the branch to push",
        )
    chosen = [HEADS + branch for branch in branches] or [refs.head]
    for ref in chosen:
        if ref not in refs.values:
            hint = "there is no commit yet; run `sovr commit`" if ref == refs.head else None
            raise RevisionNotFound(revision=ref.removeprefix(HEADS), hint=hint)
    records = (TAGS, VERDICTS, RUNS) if with_runs else (TAGS, VERDICTS)
    chosen += [ref for ref in refs.values if ref.startswith(records)]
    with contextlib.closing(open_remote(pod, name, networks)) as remote:
        seal_if_private(pod, name, remote, networks)
        borrowed = () if full else borrowed_packs(pod, name)
        request = PushRequest(name, chosen, time_ns, recipe_summary(pod), borrowed, full=full, allowed=allowed)
        pushed = push(pod, remote, request, progress)
        _note_key(pod, name, remote)
        _keep_recipe(pod, name, remote)
        return pushed


def _keep_recipe(pod: Pod, name: str, remote: Remote) -> None:
    """Store the recipe beside the packs where the remote's kind has a place for it, if it is another than before."""
    from sovrgit.objects.ids import Kind
    from sovrgit.pod.recipe import RECIPE_FILE
    from sovrgit.pod.treediff import find
    from sovrgit.remotes.base import KeepsRecipe, with_retries

    if not isinstance(remote, KeepsRecipe):
        return
    entry = find(pod.store, pod.head_tree(), RECIPE_FILE.encode())
    setting = f"remote.{name}.recipe"
    if entry is None or entry.is_directory or pod.config.get(setting) == str(entry.id):
        return
    recipe = bytes(pod.store.read(entry.id, Kind.BLOB))
    with_retries(lambda: remote.put_recipe(recipe))
    with pod.lock():
        pod.config.set(setting, str(entry.id))


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


def fetch_pod(
    pod: Pod,
    name: str,
    *,
    time_ns: int,
    accept_divergence: bool = False,
    unshallow: bool = False,
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> Fetched:
    """Get what a remote has, without touching the files here.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        accept_divergence: take the remote as it is, even if it does not continue what was seen before.
        unshallow: get the history that was left out when the pod was cloned.

    Raises:
        SovrError: as for `sovrgit.remotes.fetch.fetch`.
    """
    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.locations import open_remote

    with contextlib.closing(open_remote(pod, name, networks)) as remote:
        fetched = fetch(pod, remote, FetchRequest(name, time_ns, accept_divergence, unshallow=unshallow), progress)
        _note_key(pod, name, remote)
    if unshallow:
        from sovrgit.lineage.index import forget_index

        forget_index(pod)
    return fetched


def _note_key(pod: Pod, name: str, remote: Remote) -> None:
    """Remember that a remote turned out to be sealed: from now on nothing else is taken from it, or sent to it."""
    if remote.kind != "fairos":
        return
    from sovrgit.remotes.fairos.sealed import SealedContents
    from sovrgit.remotes.fairos.shared import SharedPod

    contents = remote.contents if isinstance(remote, SharedPod) else None
    if isinstance(contents, SealedContents) and pod.config.get(f"remote.{name}.key") is None:
        with pod.lock():
            pod.config.set(f"remote.{name}.key", contents.key.fingerprint)


def pull_pod(
    pod: Pod,
    name: str,
    author: Stamp,
    *,
    time_ns: int,
    fast_forward: FastForward = "allowed",
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> tuple[Fetched, Merged]:
    """Fetch from a remote and merge its branch into the one that is checked out: what was fetched, what came of it.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.

    Raises:
        HistoryDiverged, LocalChanges, RevisionNotFound: as for `sovrgit.remotes.pull.take_over`.
        SovrError: as for `sovrgit.remotes.fetch.fetch`.
    """
    from sovrgit.remotes.pull import take_over
    from sovrgit.runs.trust import take_from_others

    fetched = fetch_pod(pod, name, time_ns=time_ns, networks=networks, progress=progress)
    # Before the first foreign script arrives, while all that is here is still the user's own.
    take_from_others(pod)
    return fetched, take_over(pod, name, author, time_ns=time_ns, fast_forward=fast_forward)


def supply_run(
    pod: Pod,
    request: RunRequest,
    *,
    time_ns: int,
    mode: str = "",
    networks: Networks | None = None,
    told: Callable[[Sequence[LockedPayload]], None] = lambda _: None,
    moved: Callable[[Sequence[PayloadState]], None] | None = None,
    progress: Progress = SILENT,
) -> RunRequest:
    """The request of a run with the payload of other pods that the recipe wants. It is fetched only if something is
    executed.

    Args:
        time_ns: now, in nanoseconds since 1970.
        mode: that of the executor.
        told: told of payload that was not locked, and is now.
        moved: told of payload that the other pod has otherwise by now, as `sovrgit.payloads.supplying.supply` says.

    Raises:
        RunNotTrusted: if the recipe is somebody else's and is not approved. Nobody was asked for payload.
        SovrError: as for `sovrgit.payloads.supplying.supply`.
    """
    from dataclasses import replace

    from sovrgit.lockfile import read_recipe_file

    golem = read_recipe_file(pod.root).golem
    if golem is None or not golem.external:
        return request
    from sovrgit.payloads.source import Access
    from sovrgit.payloads.supplying import supply
    from sovrgit.runs.asking import ask_ahead

    access = Access(pod, networks, time_ns, progress)
    found = supply(access, ask=lambda: ask_ahead(pod, request, mode), told=told, moved=moved)
    return replace(request, supplied=found.said, fetch=found.fetch)


def moved_payload(pod: Pod, *, time_ns: int) -> list[PayloadState]:
    """The payload that other pods on this machine have otherwise by now than it is locked. None, if the recipe may be
    somebody else's: nobody has agreed to look where it says.

    Args:
        time_ns: now, in nanoseconds since 1970.

    Raises:
        RecipeInvalid: if recipe or lock cannot be read.
    """
    from sovrgit.lockfile import read_lock, read_recipe_file

    recipe = read_recipe_file(pod.root)
    if recipe.golem is None or not recipe.golem.external or pod.config.get("pod.foreign") == "true":
        return []
    from sovrgit.payloads.locking import locked_as, wanted_by
    from sovrgit.payloads.source import Access
    from sovrgit.payloads.state import moved_on

    lock = read_lock(pod.root)
    if lock is None:
        return []
    locked = {item: entry for item in wanted_by(pod, recipe) if (entry := locked_as(lock, item)) is not None}
    return moved_on(Access(pod, None, time_ns), locked)


def supply_repeat(
    pod: Pod,
    identity: ObjectId,
    request: RunRequest,
    *,
    time_ns: int,
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> RunRequest:
    """The request of a repeat with the payload of other pods that the recorded run had.

    Args:
        time_ns: now, in nanoseconds since 1970.

    Raises:
        SovrError: as for `sovrgit.payloads.supplying.supply_again`.
    """
    run = pod.store.run(identity)
    if not run.external:
        return request
    from dataclasses import replace

    from sovrgit.payloads.source import Access
    from sovrgit.payloads.supplying import supply_again

    return replace(request, supplied=supply_again(Access(pod, networks, time_ns, progress), run))


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
