"""The user's own registry: made anew from all pods, and read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sovrgit.errors import RegistryInvalid, RemoteDamaged
from sovrgit.progress import SILENT, Progress
from sovrgit.registry.form import FILE, LIMIT, POD, SHARED_FILE, SHARED_POD, Listed, encode, entry, listed_in
from sovrgit.registry.summary import json_object, summary_of
from sovrgit.registry.survey import Surveyed, survey
from sovrgit.remotes.base import Doubtful, with_retries
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import FileAbsent, PodAbsent
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.firstcli.reading import NamedPod, Pause, read_if_there


class Rebuilt(NamedTuple):
    """A registry that was made anew.

    `listed` are the pods in it, `published` those of them whose references are in it. `broken` could not be read; what
    the registry said of them before, it still says.
    """

    listed: tuple[str, ...]
    published: tuple[str, ...]
    broken: tuple[Surveyed, ...]


def rebuild(
    fairos: FairOS, *, public_only: bool = False, progress: Progress = SILENT, pause: Pause = time.sleep
) -> Rebuilt:
    """Look into all own pods and write the registry of those with a recipe, in the form of the first Sovr CLI.

    The references of pods whose recipe says `public` are put into it. Private pods are left out.

    Args:
        fairos: a client with a new session.
        public_only: leave out the others, for a registry that is to be shared.

    Raises:
        RegistryInvalid: if there are no pods at all, which may also mean that their list could not be read.
        LoginNeeded, LoginFailed, RemoteUnavailable: if that cannot be done.
        RemoteDamaged: if what is written does not arrive.
    """
    pods = [found for found in survey(fairos, progress=progress, pause=pause) if not found.shared]
    if not pods:
        raise RegistryInvalid(name=POD, reason="was not written: there are no pods", hint="`sovr push` makes one")
    is_there = any(found.pod == POD for found in pods)
    before = _document(fairos, POD, FILE, pause) if is_there else {}
    entries: dict[str, Any] = {}
    published = []
    for found in pods:
        if found.kind == "broken":
            old = before.get(found.pod)
            if isinstance(old, dict) and (summary_of(old).public or not public_only):
                entries[found.pod] = old
        elif _is_to_be_listed(found) and (found.summary.public or not public_only):
            listed = Listed(found.pod, found.summary._replace(kind=found.kind), found.pushed, found.generation)
            if found.summary.public:
                listed = listed._replace(reference=with_retries(_sharing(fairos, found.pod), pause))
                published.append(found.pod)
            entries[found.pod] = entry(_recipe_of(found), listed)
    data = encode(entries)
    if not is_there:
        with_retries(lambda: fairos.make_pod(POD), pause)
    _write(fairos, data, pause)
    broken = tuple(found for found in pods if found.kind == "broken")
    return Rebuilt(tuple(entries), tuple(published), broken)


def register(fairos: FairOS, recipe: bytes, listed: Listed, pause: Pause = time.sleep) -> None:
    """Put one pod into the user's own registry, as the first Sovr CLI did whenever it stored one.

    Args:
        fairos: a client with a new session.
        recipe: the pod's recipe.

    Raises:
        RegistryInvalid: if the registry is there and cannot be read: what it says of others would be lost.
        LoginNeeded, LoginFailed, RemoteUnavailable: if that cannot be done.
        RemoteDamaged: if what is written does not arrive.
    """
    entries: dict[str, Any] = {}
    if POD in with_retries(fairos.pods, pause).own:
        try:
            data = read_if_there(NamedPod(fairos, POD), f"/{FILE}", LIMIT, listed=True, pause=pause)
        except (FileAbsent, PodAbsent, RemoteDamaged):
            data = None
        known = json_object(data) if data is not None else None
        if known is None:
            hint = "`sovr registry rebuild` makes it anew from all pods"
            raise RegistryInvalid(name=POD, reason="cannot be read, so nothing was added to it", hint=hint)
        entries = known
    else:
        with_retries(lambda: fairos.make_pod(POD), pause)
    entries[listed.pod] = entry(json_object(recipe) or {}, listed)
    _write(fairos, encode(entries), pause)


def read_own(fairos: FairOS, pause: Pause = time.sleep) -> list[Listed]:
    """The pods in the user's own registry, with the references that the first Sovr CLI has noted; none without one.

    Raises:
        LoginNeeded, LoginFailed, RemoteUnavailable: if it cannot be read.
    """
    names = with_retries(fairos.pods, pause).own
    shared = _document(fairos, SHARED_POD, SHARED_FILE, pause) if SHARED_POD in names else {}
    known = {found.pod: found for found in listed_in(shared)}
    for found in listed_in(_document(fairos, POD, FILE, pause) if POD in names else {}):
        noted = known.get(found.pod)
        if noted is not None and found.reference is None:
            found = found._replace(reference=noted.reference)
        known[found.pod] = found
    return list(known.values())


def written(fairos: FairOS, pause: Pause = time.sleep) -> list[Listed]:
    """The pods that others see who can read the user's own registry.

    Raises:
        RegistryInvalid: if there is none.
        LoginNeeded, LoginFailed, RemoteUnavailable: if it cannot be read.
    """
    if POD not in with_retries(fairos.pods, pause).own:
        raise RegistryInvalid(name=POD, reason="does not exist yet", hint="`sovr registry rebuild` makes it")
    return listed_in(_document(fairos, POD, FILE, pause))


def share(fairos: FairOS, pause: Pause = time.sleep) -> SharingReference:
    """The sharing reference of the user's own registry, by which everybody can read it for ever.

    Raises:
        PodAbsent: if there is none.
        LoginNeeded, LoginFailed, RemoteUnavailable: if that cannot be done.
    """
    return with_retries(_sharing(fairos, POD), pause)


def _is_to_be_listed(found: Surveyed) -> bool:
    # What a private pod says of itself is sealed, and would not be in a registry.
    return not found.private and _has_recipe(found)


def _has_recipe(found: Surveyed) -> bool:
    return found.tool == "sovr" or (found.tool == "first-cli" and found.recipe is not None)


def _recipe_of(found: Surveyed) -> dict[str, Any]:
    """The recipe; of a pod that keeps it to itself, what its manifest says."""
    if found.recipe is not None:
        return dict(found.recipe)
    return {key: value for key, value in found.summary._asdict().items() if value and key != "kind"}


def _sharing(fairos: FairOS, pod: str) -> Callable[[], SharingReference]:
    return lambda: fairos.share_pod(pod)


def _document(fairos: FairOS, pod: str, file: str, pause: Pause) -> dict[str, Any]:
    """What a registry of the user's says; nothing, if it is not there or is none."""
    try:
        data = read_if_there(NamedPod(fairos, pod), f"/{file}", LIMIT, pause=pause)
    except (PodAbsent, RemoteDamaged):
        return {}
    return (json_object(data) if data is not None else None) or {}


def _write(fairos: FairOS, data: bytes, pause: Pause) -> None:
    """Write the registry, and again until others can read it: an overwrite can be lost though it was confirmed."""
    reference = share(fairos, pause)
    path = f"/{FILE}"

    def attempt() -> None:
        fairos.upload(POD, "/", FILE, data, len(data))
        try:
            arrived = fairos.read_public_file(reference, path, LIMIT) == data
        except (FileAbsent, RemoteDamaged):
            arrived = False
        if not arrived:
            lost = RemoteDamaged(
                remote=f"fairos:{POD}",
                reason=f"others do not see `{FILE}` as it was written",
                hint="run `sovr registry rebuild` again",
            )
            raise Doubtful(lost, f"fairos:{POD}")

    with_retries(attempt, pause)
