"""What is in a pod on a FairOS server: a pod of ours, one of the first Sovr CLI, or something else."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sovrgit.errors import ObjectInvalid, PodUnrecognised, RemoteDamaged, SealBroken, UnsafeName
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.pod.recipe_lines import MAX_SIZE
from sovrgit.remotes.base import Doubtful, with_retries
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent
from sovrgit.remotes.firstcli.reading import Pause, PodReader, read_if_there
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.sealing.form import largest_sealed, sealed_with

FOLDER = "/sovr"
MANIFEST = "/sovr/manifest"
RECIPE = "/recipe.json"
RECIPE_LIMIT = MAX_SIZE

_INDEX_LIMIT = 4 << 20
_FILE, _FOLDER = "_F_", "_D_"
"""What the names of files and of folders begin with in `index.dfs`, the file that lists a folder."""

_OUTPUT = "output-"
_PROGRAM = "Sovr"
"""What the first CLI calls pods of outputs, and the pod of itself. They have no recipe beside the archive."""

Role = Literal["pod", "output", "program"]


class SovrPod(NamedTuple):
    """A pod of ours."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class SealedPod:
    """A private pod of ours: the fingerprint of its key, and the sealed manifest."""

    fingerprint: str
    manifest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FirstPod:
    """A pod that the first Sovr CLI stored.

    `name` is that of the archive without its ending, and of the pod. `recipe` is the file beside the archive, as it is;
    None if there is none, or none that can be read: then `trouble` says why.
    """

    name: str
    role: Role = "pod"
    recipe: bytes | None = None
    trouble: str = ""

    @property
    def archive(self) -> str:
        """The path of the archive."""
        return f"/{self.name}.zip"


class OtherPod(NamedTuple):
    """Neither of them. `reason` says what was missed."""

    reason: str

    def error(self, place: str) -> PodUnrecognised:
        """What to raise where a pod was wanted."""
        return PodUnrecognised(place=place, reason=self.reason)


PodLook = SovrPod | SealedPod | FirstPod | OtherPod


class _Listing(NamedTuple):
    """The names in a folder. Some may be missing: they are no proof of absence."""

    files: frozenset[str]
    folders: frozenset[str]


def look(reader: PodReader, pause: Pause = time.sleep) -> PodLook:
    """Tell what is in a pod, by a few small reads.

    Raises:
        ReferenceAbsent, PodAbsent: if there is no such pod.
        RemoteDamaged: if it is a pod of ours with a broken manifest.
        RemoteUnavailable: if the server cannot be reached, or does not find what it lists.
    """
    ours = _ours(reader, pause)
    if ours is not None:
        return ours
    listing = _listing(reader, "/index.dfs", pause)
    if listing is None:
        return OtherPod("nothing was found there; it may have been deleted")
    recipe, trouble = None, ""
    try:
        recipe = read_if_there(reader, RECIPE, RECIPE_LIMIT, listed="recipe.json" in listing.files, pause=pause)
    except RemoteDamaged as error:
        trouble = str(error.fields["reason"])
    if recipe is None and not trouble:
        return _without_recipe(reader, listing)
    name = _archive(reader, listing, named_in(recipe or b""), pause)
    if name is None:
        return OtherPod("it has a recipe, but neither commits nor an archive")
    return FirstPod(name, "pod", recipe, trouble)


def read_recipe(reader: PodReader, pause: Pause = time.sleep) -> bytes | None:
    """The recipe at the root of a pod, or None if there is none.

    Raises:
        RemoteDamaged: if it is too large.
        RemoteUnavailable: if it cannot be read.
    """
    return read_if_there(reader, RECIPE, RECIPE_LIMIT, pause=pause)


def named_in(recipe: bytes) -> str | None:
    """The name that a recipe says, if it can be understood so far."""
    try:
        document = json.loads(recipe)
    except (ValueError, RecursionError):
        return None
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) and name else None


def _ours(reader: PodReader, pause: Pause) -> SovrPod | SealedPod | None:
    listed = False

    def attempt() -> SovrPod | SealedPod | None:
        data = read_if_there(reader, MANIFEST, largest_sealed(MAX_METADATA_SIZE), listed=listed, pause=pause)
        if data is None:
            return None
        try:
            fingerprint = sealed_with(data, f"the manifest of `{reader.place}`")
            return SealedPod(fingerprint, data) if fingerprint is not None else SovrPod(Manifest.decode(data))
        except (ObjectInvalid, SealBroken) as error:
            raise Doubtful(RemoteDamaged(remote=reader.place, reason=error.message), reader.place) from error

    found = with_retries(attempt, pause)
    if found is None:
        listing = _listing(reader, f"{FOLDER}/index.dfs", pause)
        listed = listing is not None and "manifest" in listing.files
        found = with_retries(attempt, pause) if listed else None
    return found


def _listing(reader: PodReader, path: str, pause: Pause) -> _Listing | None:
    """The names in a folder, None if the folder was not found."""

    def attempt() -> _Listing | None:
        data = read_if_there(reader, path, _INDEX_LIMIT, pause=pause)
        if data is None:
            return None
        try:
            names = [name for name in json.loads(data)["fileOrDirNames"] or () if isinstance(name, str)]
        except (ValueError, KeyError, TypeError, RecursionError):
            error = RemoteDamaged(remote=reader.place, reason=f"the list of a folder, `{path}`, is none")
            raise Doubtful(error, reader.place) from None
        return _Listing(_beginning(names, _FILE), _beginning(names, _FOLDER))

    return with_retries(attempt, pause)


def _beginning(names: list[str], mark: str) -> frozenset[str]:
    return frozenset(name.removeprefix(mark) for name in names if name.startswith(mark))


def _archive(reader: PodReader, listing: _Listing, named: str | None, pause: Pause) -> str | None:
    """The name of the archive that goes with a recipe: the one that the recipe says, else the only one there is."""
    if named is not None and (f"{named}.zip" in listing.files or _is_there(reader, f"/{named}.zip", pause)):
        return named
    archives = _archives(listing)
    return archives[0] if len(archives) == 1 else None


def _without_recipe(reader: PodReader, listing: _Listing) -> FirstPod | OtherPod:
    """An archive alone is one of the first CLI's if it is called as that one calls them."""
    archives = _archives(listing)
    if len(archives) == 1 and reader.name in (None, archives[0]):
        if archives[0].startswith(_OUTPUT):
            return FirstPod(archives[0], "output")
        if archives[0] == _PROGRAM:
            return FirstPod(archives[0], "program")
    if FOLDER.removeprefix("/") in listing.folders:
        return OtherPod("a first push to it was not finished")
    return OtherPod("it has neither commits nor a recipe")


def _archives(listing: _Listing) -> list[str]:
    return sorted(name.removesuffix(".zip") for name in listing.files if name.endswith(".zip") and name != ".zip")


def _is_there(reader: PodReader, path: str, pause: Pause) -> bool:
    """Whether there is a file that no listing names."""

    def attempt() -> bool:
        try:
            reader.fetch(path, 1, lambda _: None)
        except (FileAbsent, FolderAbsent):
            return False
        return True

    try:
        return with_retries(attempt, pause)
    except UnsafeName:
        return False
