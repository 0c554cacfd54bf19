"""Ids and kinds of Git's objects."""

from __future__ import annotations

import enum
from hashlib import sha1
from typing import TypeAlias

GitId: TypeAlias = bytes
"""The 20 bytes of an id: SHA-1 of the kind, the length and the content."""

GIT_ID_SIZE = 20


class GitKind(enum.IntEnum):
    """The kinds of Git's objects, with their numbers in packs."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4

    @property
    def label(self) -> bytes:
        """The word that is hashed, and stands in tags."""
        return self.name.lower().encode()


KINDS_BY_LABEL = {kind.label: kind for kind in GitKind}

EMPTY_GIT_TREE = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def git_id(kind: GitKind, data: bytes) -> GitId:
    """The id of an object."""
    # Not for security: it is what Git calls the object.
    digest = sha1(b"%s %d\0" % (kind.label, len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.digest()
