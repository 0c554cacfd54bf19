"""Looking into every pod of an account: what it is, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sovrgit.errors import KeyNeeded, LoginFailed, LoginNeeded, RecipeInvalid, SovrError
from sovrgit.pod.recipe import parse_recipe
from sovrgit.progress import SILENT, Progress
from sovrgit.registry.form import POD, SHARED_POD
from sovrgit.registry.summary import NOTHING, Summary, json_object, summary_of, text_of
from sovrgit.remotes.base import with_retries
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.firstcli.look import FirstPod, SealedPod, SovrPod, look, read_recipe
from sovrgit.remotes.firstcli.reading import NamedPod, Pause, PodReader, briefly
from sovrgit.remotes.manifest import Manifest

Unlock = Callable[[str], Contents]

AT_ONCE = 8
"""Pods that are looked into at once: as many as the client has requests."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A pod of an account.

    `pod` is its name there. `kind` is that of its recipe (`compute`, `task`, `data`), `output` or `program` for such
    pods of the first Sovr CLI, `registry`, `other`, `sealed` if it is `private` and its key is not known here, or
    `broken` if it cannot be read. `tool` is `sovr` or `first-cli`, or empty if neither has stored it. `pushed` is in
    nanoseconds since 1970; it and `generation` are known of pods of ours. `trouble` says what is wrong with it, also if
    it can be used nevertheless. `recipe` is the JSON object at its root.
    """

    pod: str
    shared: bool
    kind: str
    tool: str = ""
    summary: Summary = NOTHING
    pushed: int | None = None
    generation: int | None = None
    trouble: str = ""
    recipe: Mapping[str, Any] | None = field(default=None, repr=False)
    reference: SharingReference | None = None
    private: bool = False


def survey(
    fairos: FairOS,
    *,
    unlock: Unlock | None = None,
    references: bool = False,
    progress: Progress = SILENT,
    pause: Pause = briefly,
) -> list[Surveyed]:
    """All pods of the user, own ones first, each by name. One that cannot be read is `broken` and says why.

    Args:
        fairos: a client with a new session; what one has seen before, a server may show to it for ever.
        unlock: what opens private pods; finds the key by its fingerprint, or raises `KeyNeeded`.
        references: with the sharing references of own pods. That shares them, as far as anybody knows the reference.

    Raises:
        LoginNeeded, LoginFailed: if there is no login, or none that is taken.
        RemoteUnavailable: if the list of pods cannot be read.
    """
    names = with_retries(fairos.pods, pause)
    wanted = [(name, False) for name in sorted(set(names.own))] + [(name, True) for name in sorted(set(names.shared))]
    progress.begin("looking into pods", len(wanted), "pods")
    examine = partial(_examine, fairos, unlock, references, pause, progress)
    try:
        with ThreadPoolExecutor(AT_ONCE, "sovr-survey") as pool:
            futures = [pool.submit(examine, name, shared) for name, shared in wanted]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        progress.end()


def _examine(
    fairos: FairOS,
    unlock: Unlock | None,
    references: bool,
    pause: Pause,
    progress: Progress,
    name: str,
    shared: bool,
) -> Surveyed:
    try:
        reference = with_retries(lambda: fairos.share_pod(name), pause) if references and not shared else None
        if name in (POD, SHARED_POD):
            return Surveyed(name, shared, "registry", reference=reference)
        return replace(_look(NamedPod(fairos, name), name, shared, unlock, pause), reference=reference)
    except (LoginNeeded, LoginFailed):
        raise
    except SovrError as error:
        return Surveyed(name, shared, "broken", trouble=error.message)
    finally:
        progress.advance(1)


def _look(reader: PodReader, name: str, shared: bool, unlock: Unlock | None, pause: Pause) -> Surveyed:
    match look(reader, pause):
        case SovrPod(manifest):
            return _ours(manifest, name, shared, json_object(read_recipe(reader, pause) or b""))
        case SealedPod() as found:
            try:
                manifest = _opened(found, reader.place, unlock)
            except KeyNeeded as error:
                return Surveyed(name, shared, "sealed", "sovr", trouble=error.message, private=True)
            return replace(_ours(manifest, name, shared, None), private=True)
        case FirstPod() as old:
            return _first(old, name, shared)
        case other:
            return Surveyed(name, shared, "other", trouble=other.reason)


def _opened(found: SealedPod, place: str, unlock: Unlock | None) -> Manifest:
    if unlock is None:
        raise KeyNeeded(what=f"the pod at `{place}`", reason="no key for it is known here")
    return Manifest.decode(unlock(found.fingerprint).open_manifest(found.manifest, place))


def _ours(manifest: Manifest, name: str, shared: bool, recipe: Mapping[str, Any] | None) -> Surveyed:
    """A pod of ours: what the manifest says goes with the commits; whether it is public only the recipe says."""
    said = {key: text_of(manifest.recipe.get(key, "")) for key in ("name", "version", "author", "description")}
    kind = manifest.recipe.get("kind", "")
    kind = kind if kind in ("compute", "task", "data") else "data"
    summary = Summary(kind=kind, public=recipe is not None and recipe.get("public") is True, **said)
    return Surveyed(name, shared, kind, "sovr", summary, manifest.time, manifest.generation, recipe=recipe)


def _first(found: FirstPod, name: str, shared: bool) -> Surveyed:
    recipe = json_object(found.recipe) if found.recipe is not None else None
    summary = summary_of(recipe) if recipe is not None else NOTHING._replace(name=text_of(found.name))
    trouble = found.trouble
    if found.recipe is not None:
        try:
            parse_recipe(found.recipe)
        except RecipeInvalid as error:
            trouble = error.message
    kind = summary.kind or "data" if found.role == "pod" else found.role
    return Surveyed(name, shared, kind, "first-cli", summary, trouble=trouble, recipe=recipe)
