"""The images that this devnet knows, by hash, by tag, and by what a demand says."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sovrgit.devnet.golem.gvmi import BadImage, Config, Image
from sovrgit.devnet.golem.sandbox import NONE, Sandbox
from sovrgit.devnet.golem.unpack import copy_folder, unpack_file
from sovrgit.errors import DevnetFailed
from sovrgit.store.files import reporting

PACKAGE = "golem.srv.comp.task_package"
"""The property of a demand that says which image it wants."""

HASH = re.compile(r"[0-9a-f]{56}")
_PACKED = re.compile(r"hash:(?://)?sha3:([0-9a-f]{56})(?::.*)?", re.DOTALL)
_TAG = re.compile(r"[\w./:@+-]{1,200}", re.ASCII)
_MOST = 64
_SYSTEM = ("bin", "lib", "sbin", "usr")


class Known(NamedTuple):
    """An image that was named.

    Attributes:
        name: the hash or the tag.
        path: where it was taken from.
    """

    name: str
    sha3: str
    size: int
    path: str


class Images:
    """Those that were named, unpacked.

    Attributes:
        known: what was named, in this order.
    """

    def __init__(self, folder: Path, named: Mapping[str, Path], sandbox: Sandbox) -> None:
        """Unpack or copy all of them below `folder`, which is emptied before.

        Raises:
            DevnetFailed: if one cannot be used here.
            ReadOnly, StorageFull, StorageFailure: if there is no room for them.
        """
        self._folder = folder
        self._sandbox = sandbox
        self._by_hash: dict[str, Image] = {}
        self._tags: dict[str, str] = {}
        self.known: list[Known] = []
        if len(named) > _MOST:
            raise DevnetFailed(reason=f"more than {_MOST} images are named", hint="name those that are used")
        with reporting(folder):
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)
        for name, path in named.items():
            self._take(name, path)

    def find(self, name: str) -> Image | None:
        """The image with a hash or a tag, if it was named."""
        return self._by_hash.get(self._tags.get(name, name))

    def packed(self, package: Any) -> Image | None:
        """The image that a demand wants, if it was named."""
        found = _PACKED.fullmatch(package) if isinstance(package, str) else None
        return self._by_hash.get(found[1]) if found is not None else None

    def _take(self, name: str, path: Path) -> None:
        if not HASH.fullmatch(name) and not _TAG.fullmatch(name):
            raise DevnetFailed(
                reason=f"an image cannot be called {name[:64]!r}", hint="give the SHA3-224 or the tag that scripts use"
            )
        if self._sandbox.kind == NONE:
            raise DevnetFailed(
                reason=f"there are no images without namespaces, and none of these here: {self._sandbox.reason}",
                hint="use a Linux machine that allows user namespaces, or leave out the images",
            )
        place = self._folder / str(len(self.known))
        try:
            with reporting(self._folder):
                image = self._from_folder(name, path, place) if path.is_dir() else self._from_file(name, path, place)
        except BadImage as error:
            raise DevnetFailed(
                reason=f"the image `{path}` {error}", hint="an image is a folder, or a file that gvmkit-build has made"
            ) from error
        self._by_hash[image.sha3] = image
        if name != image.sha3:
            self._tags[name] = image.sha3
        self.known.append(Known(name, image.sha3, image.size, str(path)))

    def _from_folder(self, name: str, path: Path, place: Path) -> Image:
        whole = any((path / top).exists() for top in _SYSTEM)
        place.mkdir()
        size = copy_folder(path, place / "root", self._sandbox.owner)
        sha3 = name if HASH.fullmatch(name) else hash_of_tag(name)
        return Image(sha3, size, place / "root", Config(), whole)

    def _from_file(self, name: str, path: Path, place: Path) -> Image:
        place.mkdir()
        config, sha3, size = unpack_file(path, place, self._sandbox, name if HASH.fullmatch(name) else None)
        return Image(sha3, size, place / "root", config, True)


def hash_of_tag(tag: str) -> str:
    """The hash under which an image is known that has none of its own."""
    return hashlib.sha3_224(f"sovrgit devnet image {tag}".encode()).hexdigest()
