"""Names and paths inside pods, put together and taken apart exactly as FairOS (and Go) do it.

A path is a string that a feed is found by, so `/a//b` and `/a/b` are different files. None of these is ever a path on
this machine.
"""

from __future__ import annotations

import posixpath

ROOT = "/"
INDEX = "index.dfs"
"""The file in which a directory keeps the names of what is in it."""


def joined(folder: str, name: str) -> str:
    """A path of a name in a folder. An empty name gives the folder as it was written."""
    if folder == ROOT and name == ROOT:
        return ROOT
    if folder in (ROOT, ""):
        return ROOT + name.removeprefix(ROOT)
    if not name:
        return folder
    return ROOT + folder.removeprefix(ROOT) + ROOT + name.removeprefix(ROOT)


def parent(path: str) -> str:
    """The cleaned folder of a path."""
    return cleaned(path[: path.rfind(ROOT) + 1])


def base(path: str) -> str:
    """The last name of a path."""
    if not path:
        return "."
    path = path.rstrip(ROOT)
    return path[path.rfind(ROOT) + 1 :] if path else ROOT


def cleaned(path: str) -> str:
    """The shortest path that means the same."""
    shortest = posixpath.normpath(path) if path else "."
    return "/" + shortest.lstrip("/") if shortest.startswith("/") else shortest
