"""Object ids: what a thing is called, for ever."""

from __future__ import annotations

import enum
from typing import Self, TypeAlias

from blake3 import blake3

Data: TypeAlias = bytes | bytearray | memoryview
"""Anything that holds bytes."""

ID_SIZE = 32
"""Bytes in an id: BLAKE3 with its default output of 256 bits."""

SHORT_DIGITS = 10
"""Hexadecimal digits of an id shown to people: 40 bits keep a pod of a million objects free of clashes."""


class Kind(enum.IntEnum):
    """The kinds of objects. The numbers stand in packs and never change."""

    BLOB = 1
    TREE = 2
    COMMIT = 3
    RUN = 4
    TAG = 5
    VERDICT = 6
    TOC = 7
    MANIFEST = 8

    @property
    def label(self) -> str:
        """The kind's name in lower case, as the specification and messages write it."""
        return self.name.lower()


class ObjectId(bytes):
    """The 32-byte id of an object.

    A subclass of `bytes`, so that ids are hashed, compared, sorted and packed at native speed.

    Raises:
        ValueError: if the value is not 32 bytes long.
    """

    __slots__ = ()

    def __new__(cls, value: bytes) -> Self:
        if len(value) != ID_SIZE:
            raise ValueError(f"an object id has {ID_SIZE} bytes, not {len(value)}")
        return super().__new__(cls, value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id written as 64 hexadecimal digits.

        Raises:
            ValueError: if `text` is anything else.
        """
        if len(text) != 2 * ID_SIZE or text != text.lower():
            raise ValueError(f"an object id has {2 * ID_SIZE} hexadecimal digits")
        return cls(bytes.fromhex(text))

    @property
    def short(self) -> str:
        """The first digits, for people to read."""
        return self.hex()[:SHORT_DIGITS]

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"ObjectId({self.hex()})"


_CONTEXTS = {kind: f"sovrgit {kind.label} v1" for kind in Kind if kind is not Kind.BLOB}


def blob_id(data: Data) -> ObjectId:
    """The id of a file's bytes: plain BLAKE3-256, the same as `b3sum` prints."""
    return ObjectId(blake3(data).digest())


def hash_object(kind: Kind, data: Data) -> ObjectId:
    """The id of an object of `kind` whose encoding is `data`.

    Every kind but the blob uses BLAKE3's key-derivation mode with a context of its own (section 2.3 of the BLAKE3
    paper), so that no blob can pass for a tree.
    """
    if kind is Kind.BLOB:
        return blob_id(data)
    return ObjectId(blake3(data, derive_key_context=_CONTEXTS[kind]).digest())


def hasher(kind: Kind) -> blake3:
    """An incremental hasher for an object of `kind`."""
    return blake3() if kind is Kind.BLOB else blake3(derive_key_context=_CONTEXTS[kind])
