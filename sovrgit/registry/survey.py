"""Looking into every pod of an account: what it is, and what it says of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sovrgit.errors import LoginFailed, LoginNeeded, RecipeInvalid, SovrError
from sovrgit.pod.recipe import parse_recipe
from sovrgit.progress import SILENT, Progress
from sovrgit.registry.form import POD, SHARED_POD
from sovrgit.registry.summary import NOTHING, Summary, json_object, summary_of, text_of
from sovrgit.remotes.base import with_retries
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.firstcli.look import FirstPod, SovrPod, look, read_recipe
from sovrgit.remotes.firstcli.reading import NamedPod, Pause, PodReader
from sovrgit.remotes.manifest import Manifest

AT_ONCE = 8
"""Pods that are looked into at once: as many as the client has requests."""

POD_KINDS = ("compute", "task", "data", "output", "program")
"""What `kind` is for pods of ours and of the first Sovr CLI. Others are `registry`, `other` and `broken`."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A pod of an account.

    `pod` is its name there. `tool` is `sovr` or `first-cli`, or empty if neither has stored it. `pushed` is in
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


def survey(
    fairos: FairOS, *, references: bool = False, progress: Progress = SILENT, pause: Pause = time.sleep
) -> list[Surveyed]:
    """All pods of the user, own ones first, each by name. One that cannot be read is `broken` and says why.

    Args:
        fairos: a client with a new session; what one has seen before, a server may show to it for ever.
        references: with the sharing references of own pods. That shares them, as far as anybody knows the reference.

    Raises:
        LoginNeeded, LoginFailed: if there is no login, or none that is taken.
        RemoteUnavailable: if the list of pods cannot be read.
    """
    names = with_retries(fairos.pods, pause)
    wanted = [(name, False) for name in sorted(set(names.own))] + [(name, True) for name in sorted(set(names.shared))]
    progress.begin("looking into pods", len(wanted), "pods")
    examine = partial(_examine, fairos, references, pause, progress)
    try:
        with ThreadPoolExecutor(AT_ONCE, "sovr-survey") as pool:
            futures = [pool.submit(examine, name, shared) for name, shared in wanted]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        progress.end()


def _examine(fairos: FairOS, references: bool, pause: Pause, progress: Progress, name: str, shared: bool) -> Surveyed:
    try:
        reference = with_retries(lambda: fairos.share_pod(name), pause) if references and not shared else None
        if name in (POD, SHARED_POD):
            return Surveyed(name, shared, "registry", reference=reference)
        return _look(NamedPod(fairos, name), name, shared, reference, pause)
    except (LoginNeeded, LoginFailed):
        raise
    except SovrError as error:
        return Surveyed(name, shared, "broken", trouble=error.message)
    finally:
        progress.advance(1)


def _look(reader: PodReader, name: str, shared: bool, reference: SharingReference | None, pause: Pause) -> Surveyed:
    match look(reader, pause):
        case SovrPod(manifest):
            recipe = json_object(read_recipe(reader, pause) or b"")
            summary = _summary_of(manifest, recipe)
            return Surveyed(
                name,
                shared,
                summary.kind,
                "sovr",
                summary,
                manifest.time,
                manifest.generation,
                recipe=recipe,
                reference=reference,
            )
        case FirstPod() as found:
            return _first(found, name, shared, reference)
        case other:
            return Surveyed(name, shared, "other", trouble=other.reason, reference=reference)


def _first(found: FirstPod, name: str, shared: bool, reference: SharingReference | None) -> Surveyed:
    recipe = json_object(found.recipe) if found.recipe is not None else None
    summary = summary_of(recipe) if recipe is not None else NOTHING._replace(name=text_of(found.name))
    trouble = found.trouble
    if found.recipe is not None:
        try:
            parse_recipe(found.recipe)
        except RecipeInvalid as error:
            trouble = error.message
    kind = summary.kind or "data" if found.role == "pod" else found.role
    return Surveyed(name, shared, kind, "first-cli", summary, trouble=trouble, recipe=recipe, reference=reference)


def _summary_of(manifest: Manifest, recipe: Mapping[str, Any] | None) -> Summary:
    """What the manifest says, which goes with the commits; whether it is public says only the recipe."""
    said = {key: text_of(manifest.recipe.get(key, "")) for key in ("name", "version", "author", "description")}
    kind = manifest.recipe.get("kind", "")
    public = recipe is not None and recipe.get("public") is True
    return Summary(kind=kind if kind in ("compute", "task", "data") else "data", public=public, **said)
