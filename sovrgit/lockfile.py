"""`recipe.lock`: what the names in a recipe stood for when they were looked up, so that every run gets the same.

    {"images": {TAG: {"sha3_224": HASH, "url": URL}},
     "payload": {REFERENCE: {PATH: {"commit": ID, "id": ID, "kind": KIND}}}, "version": 1}

REFERENCE is what the recipe calls another pod, without what is secret in it; PATH is from that pod's root, and KIND is
`file`, `executable` or `folder`. What this version does not know is kept as it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from sovrgit.errors import ConfigInvalid, RecipeInvalid, RemoteUnavailable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.receipts import mapping, text
from sovrgit.objects.tree import EntryKind
from sovrgit.pod.recipe import RECIPE_FILE, Recipe, parse_recipe
from sovrgit.pod.recipe_checks import check_path
from sovrgit.pod.treediff import find
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.store.files import reporting, write_atomic
from sovrgit.store.store import ObjectStore

if TYPE_CHECKING:
    import httpx

LOCK_FILE = "recipe.lock"
VERSION = 1
MAX_SIZE = 1 << 20

REGISTRY = "https://registry.golem.network"
"""Where images are published; SDKs ask there too."""

_HASH = re.compile(r"[0-9a-f]{56}")
_NAMES_A_HASH = re.compile(r"(?:hash:)?(?:sha3:)?[0-9a-f]{56}(?::\S+)?")
_URL = re.compile(r"https?://[!-~]{1,2000}")

State: TypeAlias = Literal["same", "added", "moved", "gone"]


class LockedImage(NamedTuple):
    """What a tag stands for: the SHA3-224 of the image in hexadecimal digits, and where it can be got."""

    tag: str
    sha3_224: str
    url: str


class LockedPayload(NamedTuple):
    """What a file or folder of another pod was when it was looked up: the commit, and its id there."""

    reference: str
    path: str
    commit: ObjectId
    id: ObjectId
    kind: EntryKind


KINDS = {"file": EntryKind.FILE, "executable": EntryKind.EXECUTABLE, "folder": EntryKind.DIRECTORY}
"""What payload can be, as the lock calls it."""


class Change(NamedTuple):
    """What has become of a tag since it was locked; `old` or `new` is None if it was not, or is no longer, used."""

    tag: str
    state: State
    old: LockedImage | None
    new: LockedImage | None


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: images by tag, payload of other pods, and with `rest` everything else that is in it."""

    images: Mapping[str, LockedImage] = field(default_factory=dict)
    payload: tuple[LockedPayload, ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Lock:
        """What a file says.

        Raises:
            RecipeInvalid: if it is damaged, or of a version that is not known here.
        """
        try:
            whole = json.loads(data) if len(data) <= MAX_SIZE else None
            json.dumps(whole, ensure_ascii=False).encode()  # half of a surrogate pair is no text, and cannot be written
        except (ValueError, RecursionError):
            whole = None
        if not isinstance(whole, dict):
            raise _invalid("it is no JSON object" if len(data) <= MAX_SIZE else "it is far too large")
        if whole.get("version") != VERSION:
            hint = "a newer version of `sovr` made it; upgrade, or remove the file and run `sovr lock`"
            raise _invalid(f"version {json.dumps(whole.get('version'))[:40]} is not known here", hint)
        images = {}
        given = whole.get("images", {})
        if not isinstance(given, dict):
            raise _invalid("`images` is no object")
        for tag, entry in given.items():
            images[tag] = _image(tag, mapping(entry), f"`images` has no hash and address for `{tag[:100]}`")
        rest = {name: value for name, value in whole.items() if name not in ("version", "images", "payload")}
        return cls(images, _payload(whole.get("payload", {})), rest)

    def encode(self) -> bytes:
        """The file: JSON with sorted keys, so that two people who lock the same write the same bytes."""
        images = {image.tag: {"sha3_224": image.sha3_224, "url": image.url} for image in self.images.values()}
        names = {kind: name for name, kind in KINDS.items()}
        payload: dict[str, dict[str, dict[str, str]]] = {}
        for item in self.payload:
            row = {"commit": str(item.commit), "id": str(item.id), "kind": names[item.kind]}
            payload.setdefault(item.reference, {})[item.path] = row
        whole = {**self.rest, "payload": payload, "images": images, "version": VERSION}
        return (json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def locked_image(store: ObjectStore, tree: ObjectId, image: str) -> LockedImage | None:
    """What an image of the recipe was locked to in the tree of a pod; None if it was not.

    Args:
        image: as `golem.image` has it. One that is named by its hash needs no lock, and has none.

    Raises:
        RecipeInvalid: if the lock cannot be read.
    """
    entry = find(store, tree, LOCK_FILE.encode())
    if entry is None or entry.is_directory:
        return None
    if entry.size > MAX_SIZE:
        raise _invalid("it is far too large")
    return Lock.parse(bytes(store.read(entry.id, Kind.BLOB))).images.get(image.strip())


def read_recipe_file(root: Path) -> Recipe:
    """The recipe in a pod's folder.

    Raises:
        RecipeInvalid: if there is none, or it cannot be read.
    """
    place = root / RECIPE_FILE
    if not place.is_file():
        raise RecipeInvalid(file=RECIPE_FILE, at="", reason="there is none in this pod", hint="run `sovr init`")
    with reporting(place):
        return parse_recipe(place.read_bytes())


def read_lock(root: Path) -> Lock | None:
    """The lock in a pod's folder; None if there is none.

    Raises:
        RecipeInvalid: if it cannot be read.
    """
    place = root / LOCK_FILE
    if not os.path.lexists(place):
        return None
    if place.is_symlink() or not place.is_file():
        raise _invalid("it is no plain file")
    with reporting(place), place.open("rb") as file:
        return Lock.parse(file.read(MAX_SIZE + 1))


def write_lock(root: Path, lock: Lock) -> None:
    """Write the lock into a pod's folder.

    Raises:
        ReadOnly, StorageFull, StorageFailure: if it cannot be written.
    """
    write_atomic(root / LOCK_FILE, lock.encode())


def tags_of(recipe: Recipe) -> tuple[str, ...]:
    """The tags of images in a recipe. A hash is none: it can stand for nothing else tomorrow."""
    image = recipe.golem.image.strip() if recipe.golem is not None and recipe.golem.image is not None else ""
    return (image,) if image and not _NAMES_A_HASH.fullmatch(image) else ()


def relock(lock: Lock, tags: tuple[str, ...], resolve: Callable[[str], LockedImage]) -> tuple[Lock, list[Change]]:
    """Look all tags up anew: the lock as it should be, and what has changed.

    Raises:
        RemoteUnavailable: if `resolve` cannot tell.
    """
    images = {tag: resolve(tag) for tag in tags}
    changes = [_change(tag, lock.images.get(tag), image) for tag, image in images.items()]
    changes += [Change(tag, "gone", image, None) for tag, image in lock.images.items() if tag not in images]
    return replace(lock, images=images), changes


def resolver(registry: str = REGISTRY, transport: httpx.BaseTransport | None = None) -> Callable[[str], LockedImage]:
    """What asks a registry of images about tags.

    Args:
        transport: takes the place of the network, for tests of what goes wrong.

    Raises:
        ConfigInvalid: if the address is none, or one to which others could answer.
        RemoteUnavailable: from the resolver, if the registry does not answer, or does not know a tag.
    """
    address = ServerAddress.parse(registry)
    if not address.private:
        reason = "whoever is between here and there could exchange the images"
        raise ConfigInvalid(file=f"registry `{address}`", reason=reason, hint="use its `https://` address")

    def resolve(tag: str) -> LockedImage:
        from sovrgit.remotes.fairos.timeouts import Timeouts
        from sovrgit.remotes.fairos.wire import Call, Wire

        wire = Wire(address, Timeouts(answer=30.0), transport)
        try:
            # As SDKs ask.
            answer = wire.send(Call("GET", "/v1/image/info", {"tag": tag, "count": "true"}))
        finally:
            wire.close()
        if answer.status == 404:
            raise RemoteUnavailable(
                location=str(address),
                reason=f"it has no image `{tag}`",
                hint="check `golem.image` in recipe.json; it is written USER/NAME:TAG",
            )
        if answer.status != 200:
            raise RemoteUnavailable(location=str(address), reason=f"it answers {answer.status} about `{tag}`", hint="")
        try:
            found = mapping(json.loads(answer.body))
        except (ValueError, RecursionError):
            found = {}
        url = text(found.get("https")) or text(found.get("http"))
        return _image(tag, {"sha3_224": found.get("sha3"), "url": url}, "", location=str(address))

    return resolve


def _change(tag: str, old: LockedImage | None, new: LockedImage) -> Change:
    if old is None:
        return Change(tag, "added", None, new)
    return Change(tag, "same" if old == new else "moved", old, new)


def _image(tag: str, entry: Mapping[str, Any], reason: str, *, location: str = "") -> LockedImage:
    hash_, url = text(entry.get("sha3_224")), text(entry.get("url"))
    if _HASH.fullmatch(hash_) and _URL.fullmatch(url):
        return LockedImage(tag, hash_, url)
    if location:
        raise RemoteUnavailable(location=location, reason=f"its answer about `{tag}` has no hash and address", hint="")
    raise _invalid(reason)


def _payload(given: object) -> tuple[LockedPayload, ...]:
    """The part `payload`.

    Raises:
        RecipeInvalid: if it is damaged.
    """
    found = []
    reason, hint = "`payload` is damaged", "remove the part `payload`, and run `sovr payload update`"
    try:
        for reference, paths in cast("dict[str, Any]", given).items():
            for path, row in paths.items():
                commit, identity = ObjectId.parse(row["commit"]), ObjectId.parse(row["id"])
                if check_path((), path) != path:
                    raise ValueError
                found.append(LockedPayload(reference, path, commit, identity, KINDS[row["kind"]]))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _invalid(reason, hint) from None
    return tuple(found)


def _invalid(reason: str, hint: str = "remove the file, and run `sovr lock`") -> RecipeInvalid:
    return RecipeInvalid(file=LOCK_FILE, at="", reason=reason, hint=hint)
