"""The form of registries, which is that of the first Sovr CLI: a JSON object with a recipe under each pod's name.

What we add stands in each recipe under the key `sovr`, which that CLI prints and otherwise passes over: `kind`, `time`
of the last push in nanoseconds since 1970, `generation`, and for public pods the sharing `reference`. Its list of pods
that were shared has a list of recipes with references under each name; both forms are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sovrgit.errors import ReferenceUnknown, RegistryInvalid
from sovrgit.registry.summary import Summary, json_object, summary_of, text_of
from sovrgit.remotes.fairos.reference import SharingReference

POD, FILE = "ComputePodRegistry", "Registry.json"
SHARED_POD, SHARED_FILE = "SharedPods", "SharedPods.json"

LIMIT = 4 << 20
"""Bytes of a registry."""

MOST = 50_000
"""Pods in a registry."""

_OURS = "sovr"
_NEWEST_TIME = 1 << 63


class Listed(NamedTuple):
    """A pod as a registry lists it. `pushed` is in nanoseconds since 1970, `reference` what it can be cloned by."""

    pod: str
    summary: Summary
    pushed: int | None = None
    generation: int | None = None
    reference: SharingReference | None = None


def entry(recipe: Mapping[str, Any], listed: Listed) -> dict[str, Any]:
    """What a registry has under the name of a pod."""
    ours: dict[str, Any] = {"kind": listed.summary.kind}
    if listed.pushed is not None:
        ours |= {"time": listed.pushed, "generation": listed.generation}
    if listed.reference is not None:
        ours["reference"] = listed.reference.reveal()
    return {**recipe, _OURS: ours}


def encode(entries: Mapping[str, Any]) -> bytes:
    """The file of a registry.

    Raises:
        RegistryInvalid: if there is more in it than readers take.
    """
    data = json.dumps(entries).encode()
    if len(data) > LIMIT or len(entries) > MOST:
        raise RegistryInvalid(name=POD, reason=f"would be larger than {LIMIT} bytes or {MOST} pods", hint="")
    return data


def decode(data: bytes, name: str) -> list[Listed]:
    """The pods in a registry, of either form. Entries that cannot be understood are left out.

    Args:
        name: what messages call it.

    Raises:
        RegistryInvalid: if it is none.
    """
    document = json_object(data)
    if document is None:
        raise RegistryInvalid(name=name, reason="is not one: a registry is a JSON object", hint="ask its owner")
    if len(document) > MOST:
        raise RegistryInvalid(name=name, reason=f"has more than {MOST} pods", hint="ask its owner")
    return listed_in(document)


def listed_in(document: Mapping[str, Any]) -> list[Listed]:
    """The same, of one that was decoded already."""
    return [listed for pod, value in document.items() if (listed := _listed(text_of(pod), value)) is not None]


def _listed(pod: str, value: object) -> Listed | None:
    if isinstance(value, list):
        # Pods that were shared: the latest is the one that counts.
        last = value[-1] if value else None
        if not isinstance(last, dict) or not isinstance(last.get("recipe"), dict):
            return None
        return Listed(pod, summary_of(last["recipe"]), reference=_reference(last.get("sharing_reference")))
    if not isinstance(value, dict):
        return None
    ours = value.get(_OURS)
    ours = ours if isinstance(ours, dict) else {}
    summary = summary_of(value)
    if ours.get("kind") in ("compute", "task", "data"):
        summary = summary._replace(kind=ours["kind"])
    return Listed(
        pod, summary, _number(ours.get("time")), _number(ours.get("generation")), _reference(ours.get("reference"))
    )


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _NEWEST_TIME else None


def _reference(value: object) -> SharingReference | None:
    try:
        return SharingReference.parse(value) if isinstance(value, str) else None
    except ReferenceUnknown:
        return None
