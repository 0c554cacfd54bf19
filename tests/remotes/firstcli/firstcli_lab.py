"""Pods on a stand-in, exactly as the first Sovr CLI stored them, and pods of ours as they lie there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from archive_lab import RECIPE, zipped_files

from sovrgit.credentials.logins import SignatureLogin
from sovrgit.devnet.fairos import StandIn
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.contents import Contents
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.sealed import SealedContents
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.sealing.key import PodKey

FILES = {"recipe.json": RECIPE, "script/blender.py": b"print()\n", "payload/cubes.blend": b"cubes" * 100}

REGISTRY_POD, REGISTRY_FILE = "ComputePodRegistry", "Registry.json"
SHARED_POD, SHARED_FILE = "SharedPods", "SharedPods.json"


def no_pause(_: float) -> None:
    """Do not wait."""


def user(standin: StandIn, signature: str = "") -> FairOS:
    """A client with a session of its own, of a new user or of the one with this signature."""
    login = SignatureLogin.parse(signature or secrets.token_hex(32))
    return FairOS(ServerAddress.parse(standin.url), login, pause=no_pause)


def nobody(standin: StandIn) -> FairOS:
    """A client without a login."""
    return FairOS(ServerAddress.parse(standin.url), pause=no_pause)


def put(fairos: FairOS, pod: str, name: str, content: bytes, folder: str = "/") -> None:
    """Store a file."""
    fairos.upload(pod, folder, name, content, len(content))


def raw_put(fairos: FairOS, pod: str, name: str, content: bytes) -> None:
    """Store a file whose name we would not give to one."""
    from sovrgit.remotes.fairos import files

    check, files.check_file_name = files.check_file_name, lambda given: given  # type: ignore[attr-defined, assignment]
    try:
        put(fairos, pod, name, content)
    finally:
        files.check_file_name = check  # type: ignore[attr-defined]


def store_first(
    fairos: FairOS, name: str = "blender", files: Mapping[str, bytes] = FILES, recipe: bytes | None = RECIPE
) -> SharingReference:
    """`--persist`: the archive, then the recipe; and `public`."""
    fairos.make_pod(name)
    raw_put(fairos, name, f"{name}.zip", zipped_files(files))
    if recipe is not None:
        put(fairos, name, "recipe.json", recipe)
    return fairos.share_pod(name)


def store_ours(
    fairos: FairOS,
    name: str,
    summary: Mapping[str, str],
    recipe: bytes | None = None,
    key: PodKey | None = None,
    **fields: Any,
) -> SharingReference:
    """What a push leaves that matters to a listing: a manifest, sealed if there is a key, and a public pod's recipe."""
    made = Manifest(
        **{
            "repository": bytes(16),
            "generation": 3,
            "chain": (),
            "writer": "ann",
            "time": 1_700_000_000_000_000_000,
            "head": "refs/heads/main",
            "refs": {"refs/heads/main": ObjectId(bytes(32))},
            "packs": (),
            "recipe": summary,
            **fields,
        }
    )
    fairos.make_pod(name)
    fairos.make_folder(name, "/sovr")
    contents = Contents() if key is None else SealedContents(key)
    put(fairos, name, "manifest", contents.close_manifest(made.encode()), "/sovr")
    if recipe is not None:
        put(fairos, name, "recipe.json", recipe)
    return fairos.share_pod(name)


def recipe(name: str, **fields: Any) -> bytes:
    """A recipe of a compute pod."""
    return json.dumps({"name": name, "golem": {"exec": "true"}, **fields}).encode()
