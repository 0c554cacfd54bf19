"""Sharing pods on networks: which are private, and the references that lead to them.

Like `sovrgit.actions`, shared by the command line and by `sovrgit.api`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sovrgit.errors import RecipeInvalid, RemoteUnavailable, SharingRefused
from sovrgit.pod.pod import Pod
from sovrgit.scopes import Scopes
from sovrgit.settings import is_true

if TYPE_CHECKING:
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.networks import Networks


@dataclass(frozen=True, slots=True)
class Shared:
    """A pod that can be cloned by its reference. Whoever has the reference can read all of it, now and later."""

    remote: str
    location: str
    reference: str = field(repr=False)
    private: bool
    """Whether the reference carries the key without which nothing of the pod can be read."""


def share_pod(pod: Pod, name: str, networks: Networks, *, private: bool = False) -> Shared:
    """The reference by which others clone what was pushed to a remote.

    Args:
        name: the remote's name in this pod.
        private: give out the key of a private pod with it.

    Raises:
        SharingRefused: if the remote has no references, or is private and its key was not to be given out, or the other
            way round.
        RemoteUnavailable: if nothing has been pushed to it.
        SovrError: as the remote gives cause.
    """
    from sovrgit.remotes.base import with_retries
    from sovrgit.remotes.locations import location_of, open_remote

    location = location_of(pod, name)
    with contextlib.closing(open_remote(pod, name, networks)) as remote:
        if remote.kind != "fairos":
            raise SharingRefused(
                what=f"`{location}` has no reference",
                reason="it is a folder",
                hint=f"whoever can read the folder clones it with `sovr clone {location}`",
            )
        from sovrgit.remotes.fairos.own import OwnPod
        from sovrgit.remotes.fairos.sealed import SealedContents

        if not isinstance(remote, OwnPod):
            raise SharingRefused(
                what=f"`{location}` is not yours to share",
                reason="it is somebody else's pod",
                hint="pass on the reference that you were given",
            )
        if with_retries(remote.read_manifest) is None:
            raise RemoteUnavailable(
                location=location, reason="nothing has been pushed to it yet", hint=f"run `sovr push {name}` first"
            )
        # The one by which the manifest was read: a server that has lost its list of pods knows none.
        reference = remote.reference().reveal()
        contents = remote.contents
        if not isinstance(contents, SealedContents):
            if private:
                raise SharingRefused(
                    what=f"`{location}` has no key",
                    reason="it was pushed as a public pod, and is not sealed",
                    hint="push it to another pod: `sovr remote add NAME fairos:POD --private`",
                )
            return Shared(name, location, reference, private=False)
        if not private:
            raise SharingRefused(
                what=f"`{location}` is private",
                reason="its reference opens nothing without its key",
                hint=f"`sovr share {name} --private` gives out the key with it",
            )
        return Shared(name, location, f"{reference}#{contents.key.reveal()}", private=True)


def known_reference(pod: Pod, name: str, *, public: bool = False) -> str | None:
    """The reference of a public pod that was pushed to a remote, if it is known here; nothing is asked of a server.

    Args:
        public: it is public whatever the recipe says.
    """
    from sovrgit.remotes.fairos.memory import PodMemory
    from sovrgit.remotes.fairos.place import is_fairos, parse_place
    from sovrgit.remotes.locations import location_of

    location = location_of(pod, name)
    if not is_fairos(location) or parse_place(location).pod is None or not (public or is_public(pod)):
        return None
    if pod.config.get(f"remote.{name}.key") is not None:
        return None
    reference = PodMemory(pod, location).get()
    return reference.reveal() if reference is not None else None


def register_pod(pod: Pod, name: str, networks: Networks) -> bool:
    """Put a public pod that was pushed to a network into the registry of its owner; whether it is one.

    Raises:
        RegistryInvalid: if the registry is there and cannot be read.
        SovrError: as the server gives cause.
    """
    from sovrgit.objects.ids import Kind
    from sovrgit.pod.recipe import RECIPE_FILE
    from sovrgit.pod.treediff import find
    from sovrgit.registry.form import Listed
    from sovrgit.registry.own import register
    from sovrgit.registry.summary import json_object, summary_of
    from sovrgit.remotes.fairos.memory import PodMemory
    from sovrgit.remotes.fairos.place import parse_place
    from sovrgit.remotes.locations import location_of
    from sovrgit.remotes.state import RemoteState

    if known_reference(pod, name) is None:
        return False
    location = location_of(pod, name)
    place = parse_place(location)
    entry = find(pod.store, pod.head_tree(), RECIPE_FILE.encode())
    manifest = RemoteState.load(pod.folder, name).manifest
    if entry is None or manifest is None or place.pod is None:
        return False
    recipe = bytes(pod.store.read(entry.id, Kind.BLOB))
    summary = summary_of(json_object(recipe) or {})
    reference = PodMemory(pod, location).get()
    with networks.connect(place.server) as fairos:
        register(fairos, recipe, Listed(place.pod, summary, manifest.time, manifest.generation, reference))
    return True


def is_public(pod: Pod) -> bool:
    """Whether the recipe of the last commit says that everybody may read the pod."""
    from sovrgit.runs.inputs import read_recipe

    try:
        return bool(read_recipe(pod.store, pod.head_tree())[1].public)
    except RecipeInvalid:
        return False


def seal_if_private(pod: Pod, name: str, remote: Remote, networks: Networks | None) -> bool:
    """Before the first push to a pod on a network: let it be sealed, unless the recipe says that it is public.

    Whether it is begun to be sealed now. What is written to the remote after this is as it should be.

    The setting `remote.NAME.private`, `true` or `false`, wins over the recipe. What was pushed once stays as it is.

    Raises:
        SharingRefused: if what is there is not sealed, and the recipe does not call the pod public, or not any more.
        SovrError: as the remote, or the place where keys are kept, gives cause.
    """
    from sovrgit.remotes.base import with_retries
    from sovrgit.remotes.locations import location_of
    from sovrgit.remotes.state import RemoteState

    if networks is None or remote.kind != "fairos":
        return False
    from sovrgit.remotes.fairos.opening import seal_remote
    from sovrgit.remotes.fairos.own import OwnPod
    from sovrgit.remotes.fairos.sealed import SealedContents

    if not isinstance(remote, OwnPod):
        return False
    location = location_of(pod, name)
    private = Scopes(pod=pod.config).get(f"remote.{name}.private")
    wanted = is_true(private) if private is not None else not is_public(pod)
    if pod.config.get(f"remote.{name}.key") is not None or not wanted:
        return False
    if RemoteState.load(pod.folder, name).manifest is not None:
        raise _not_sealed(name, location, "the recipe does not call the pod public any more")
    there = with_retries(remote.read_manifest)
    with pod.lock():
        if there is None:
            remote.keep_as(seal_remote(pod, name, networks))
        elif isinstance(remote.contents, SealedContents):
            # Remembered at once: what is read there a moment later may be something else.
            pod.config.set(f"remote.{name}.key", remote.contents.key.fingerprint)
        else:
            # A server may only say that something is there, so as to be sent everything as it is.
            raise _not_sealed(name, location, "the recipe does not call the pod public")
    return there is None


def _not_sealed(name: str, location: str, why: str) -> SharingRefused:
    return SharingRefused(
        what=f"not pushed to `{location}`",
        reason=f"everybody who has its reference can read it, and {why}",
        hint=f"push to a pod of another name, which is then sealed; or `sovr config remote.{name}.private false`",
    )
