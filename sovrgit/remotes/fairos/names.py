"""Names that FairOS servers take, and those that would do harm there."""

from __future__ import annotations

import re

from sovrgit.errors import UnsafeName
from sovrgit.remotes.fairos.wording import without_secrets

LONGEST_POD_NAME = 64
"""Bytes."""

LONGEST_PATH = 1000
"""Bytes. A file's whole description must fit into 4,096."""

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_RESERVED = {"index.dfs", "refFile", ".", ".."}
"""The folder's own file, which an upload would destroy, and the one of the server's Git."""


def check_pod_name(name: str) -> str:
    """The name, if a pod can have it.

    Raises:
        UnsafeName: if not.
    """
    size = _size(name)
    if size is None or not 1 <= size <= LONGEST_POD_NAME or name != name.strip() or not name.isprintable():
        reason = f"the name of a pod has 1 to {LONGEST_POD_NAME} bytes of printable text, and no spaces around it"
        raise UnsafeName(name=_shown(name), reason=reason, hint="choose another name")
    return name


def check_path(path: str) -> str:
    """The path of a file or folder in a pod, if it is absolute and written in the one way that leads there.

    A path is hashed as it is written, so that `/a//b` would be another file than `/a/b`.

    Raises:
        UnsafeName: if not.
    """
    size = _size(path)
    parts = path[1:].split("/") if path != "/" else []
    plain = path.startswith("/") and not {"", ".", ".."}.intersection(parts)
    if size is None or size > LONGEST_PATH or not plain:
        raise UnsafeName(name=_shown(path), reason="it is not an absolute, plain path", hint="give a path like `/a/b`")
    return path


def check_file_name(name: str) -> str:
    """The name of a file to be written, if it is plain and not reserved.

    Raises:
        UnsafeName: if not.
    """
    if not _FILE_NAME.fullmatch(name) or name in _RESERVED:
        reason = "a file on a FairOS server has a short name of letters, digits, dots and dashes, and no reserved one"
        raise UnsafeName(name=_shown(name), reason=reason, hint="choose another name")
    return name


def _size(text: str) -> int | None:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def _shown(text: str) -> str:
    return without_secrets(text.encode("utf-8", "replace").decode())[:LONGEST_POD_NAME]
