"""Paths of a pod as bytes: from its root, components parted by slashes, empty for the root itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

GIT_CACHE = "git.sqlite"
"""Which objects are which of Git's: a cache, in the repository's folder."""

REPOSITORY = ".sovr"
"""The folder in a pod that holds its repository."""

MERGE_FILE = "merge"
"""The file in the repository that a merge leaves while its conflicts wait to be resolved."""


def is_within(path: bytes, folder: bytes) -> bool:
    """Whether a path is a folder's own, or below it."""
    return not folder or path == folder or path.startswith(folder + b"/")


def folders_above(path: bytes) -> Iterator[bytes]:
    """The folders that a path lies in, the outermost first, without the root."""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at]
        at = path.find(b"/", at + 1)


def outermost(paths: Iterable[bytes]) -> list[bytes]:
    """The paths without those that are there twice, or lie below another one."""
    wanted = dict.fromkeys(paths)
    if b"" in wanted:
        return [b""]
    return [path for path in wanted if not any(folder in wanted for folder in folders_above(path))]
