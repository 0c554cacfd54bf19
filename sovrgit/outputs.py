"""Publishing a part of a pod's output as a pod of its own, as `"output": {"share": …}` in the recipe asks.

Like `sovrgit.actions`, shared by the command line and by `sovrgit.api`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import DEFAULT_BRANCH, RefChange
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from sovrgit.objects.commit import Commit
    from sovrgit.objects.ids import ObjectId
    from sovrgit.remotes.networks import Networks
    from sovrgit.remotes.push import Pushed

OUTPUTS = "refs/outputs/"
"""Where the last published output of each remote is remembered. These refs stay here."""


@dataclass(frozen=True, slots=True)
class PublishedOutput:
    """What was published: the part of the pod, the remote's name here and its place, and what was sent.

    `reference` is by which everybody can clone it, if that is known.
    """

    path: str
    remote: str
    location: str
    pushed: Pushed
    reference: str | None = field(repr=False)


def publish_output(
    pod: Pod,
    name: str,
    *,
    time_ns: int,
    allowed: Collection[bytes] = (),
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> PublishedOutput | None:
    """Push what the recipe shares of the output to a place of its own beside the remote `name`; None if it shares
    nothing, or there is nothing yet.

    Each state that was pushed is a commit there, which names the commit here that it comes from, and if the pod is
    public the run that made it.

    Args:
        name: the remote's name in this pod.
        time_ns: now, in nanoseconds since 1970.
        allowed: paths of files that look like secrets and may be sent all the same.

    Raises:
        SovrError: as for `sovrgit.remotes.push.push`.
    """
    from sovrgit.pod.treediff import find
    from sovrgit.remotes.locations import open_remote
    from sovrgit.remotes.push import PushRequest, push
    from sovrgit.sharing import known_reference

    head = pod.head()
    shared = shared_output(pod)
    if head is None or shared is None:
        return None
    recipe_name, path = shared
    entry = find(pod.store, pod.store.commit(head).tree, path.encode())
    if entry is None or not entry.is_directory:
        return None
    remote_name = _remote_for_output(pod, name)
    ref = _commit_output(pod, name, head, entry.id, path, recipe_name, time_ns)
    summary = {"name": f"output-{recipe_name}", "kind": "data", "description": f"Output of {recipe_name}: {path}"}
    request = PushRequest(
        remote_name, [ref], time_ns, summary, renamed={ref: DEFAULT_BRANCH}, allowed=_inside(allowed, path)
    )
    with contextlib.closing(open_remote(pod, remote_name, networks)) as remote:
        pushed = push(pod, remote, request, progress)
        location = remote.describe()
    return PublishedOutput(path, remote_name, location, pushed, known_reference(pod, remote_name, public=True))


def _inside(allowed: Collection[bytes], path: str) -> list[bytes]:
    """Paths as they are called here, and as they are called in a pod that holds only what is below `path`."""
    prefix = path.encode() + b"/"
    return [*allowed, *(name.removeprefix(prefix) for name in allowed if name.startswith(prefix))]


def shared_output(pod: Pod) -> tuple[str, str] | None:
    """The pod's name, and the folder of its output that its recipe shares; None if it shares none."""
    from sovrgit.runs.inputs import read_recipe

    try:
        recipe = read_recipe(pod.store, pod.head_tree())[1]
    except RecipeInvalid:
        return None
    if recipe.golem is None or recipe.golem.shared_output is None:
        return None
    return recipe.name, recipe.golem.shared_output


def _remote_for_output(pod: Pod, name: str) -> str:
    """The remote for the output of what goes to another one: the same place, with other words at its end."""
    from sovrgit.remotes.fairos.place import is_fairos, parse_place
    from sovrgit.remotes.locations import location_of

    own = f"{name}-output"
    setting = f"remote.{own}.url"
    if pod.config.get(setting) is not None:
        return own
    location = location_of(pod, name)
    if is_fairos(location):
        place = parse_place(location)
        # The name that the first Sovr CLI gave to such pods.
        prefix, mark, _ = location.rpartition("/" if "/" in location else ":")
        beside = f"{prefix}{mark}output-{place.pod}"
    else:
        beside = f"{location}-output"
    with pod.lock():
        pod.config.set(setting, beside)
        # The recipe says that everybody may have this part, whoever may have the rest.
        pod.config.set(f"remote.{own}.private", "false")
    return own


def _commit_output(
    pod: Pod, name: str, head: ObjectId, tree: ObjectId, path: str, recipe_name: str, time_ns: int
) -> str:
    """See to it that the last published state is this tree; the name of the ref that names it."""
    from sovrgit.objects.commit import Commit, Fork
    from sovrgit.objects.ids import Kind
    from sovrgit.sharing import is_public

    ref = OUTPUTS + name
    with pod.lock():
        before = pod.refs.read().values.get(ref)
        if before is not None and pod.store.commit(before).tree == tree:
            return ref
        origin, made_in = _origin(pod, head, path)
        lines = [f"Output of {recipe_name}: {path}", ""]
        if made_in.run is not None:
            lines.append(f"Made by run {made_in.run}")
        lines.append(f"In commit {origin}")
        commit = Commit(
            tree=tree,
            parents=() if before is None else (before,),
            author=made_in.author,
            message="\n".join(lines) + "\n",
            # A run's record travels with its inputs, which are for everybody only if the pod is.
            run=made_in.run if is_public(pod) else None,
            fork=Fork(_own_reference(pod, name), origin, recipe_name),
        )
        with pod.store.session() as session:
            identity = session.add(Kind.COMMIT, commit.encode())
            session.commit()
        pod.refs.update([RefChange(ref, before, identity)], command="push", time_ns=time_ns)
    return ref


def _origin(pod: Pod, head: ObjectId, path: str) -> tuple[ObjectId, Commit]:
    """The commit that gave the folder the state that it has."""
    from sovrgit.pod.treediff import find

    current, commit = head, pod.store.commit(head)
    wanted = find(pod.store, commit.tree, path.encode())
    while commit.parents and pod.store.has(commit.parents[0]):
        before = pod.store.commit(commit.parents[0])
        if find(pod.store, before.tree, path.encode()) != wanted:
            break
        current, commit = commit.parents[0], before
    return current, commit


def _own_reference(pod: Pod, name: str) -> str:
    """What stands for this pod in records: no secret, so for a network what only those recognise who can read it."""
    from sovrgit.remotes.fairos.memory import PodMemory
    from sovrgit.remotes.fairos.place import is_fairos
    from sovrgit.remotes.locations import location_of

    location = location_of(pod, name)
    if not is_fairos(location):
        return location
    reference = PodMemory(pod, location).get()
    return f"fairos:ref-{reference.fingerprint}" if reference is not None else location
