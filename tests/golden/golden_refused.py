"""Encodings that every reader must refuse. Each differs in one thing from one that is accepted."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack
from golden_vectors import SAMPLES

from sovrgit.objects.ids import Kind
from sovrgit.store.format import (
    Codec,
    PackClass,
    entry_header,
    pack_header,
    trailer,
)


class Refused(NamedTuple):
    """Bytes that are not what `form` names, and why. The form `encoding` is any map in the canonical encoding."""

    form: str
    name: str
    why: str
    data: bytes


def refused() -> Iterator[Refused]:
    """All of them."""
    for name, why, data in _ENCODINGS:
        yield Refused("encoding", name, why, bytes.fromhex(data))
    yield Refused("encoding", "too deep", "Nine levels of lists and maps.", msgpack.packb({"a": _nested(8)}))
    for kind, name, why, change in _CHANGES:
        yield Refused(kind.label, name, why, _changed(kind, change))
    for name, why, rows in _TREES:
        yield Refused("tree", name, why, msgpack.packb({"entries": rows}))
    yield from _pack_parts()


_ENCODINGS = [
    ("no bytes", "Not a map.", ""),
    ("a list", "The outermost value is a map.", "90"),
    ("trailing byte", "One map and nothing after it.", "81a1610100"),
    ("cut off", "The value of the key is missing.", "81a161"),
    ("long form of an integer", "1 is one byte.", "81a161cc01"),
    ("signed form of an integer", "200 is written without a sign.", "81a161d100c8"),
    ("long form of text", "Text below 32 bytes has a length in its first byte.", "81a161d90161"),
    ("long form of bytes", "Bytes below 256 have a length of one byte.", "81a161c5000161"),
    ("long form of a list", "A list below 16 items has its length in its first byte.", "81a161dc000101"),
    ("long form of a map", "A map below 16 keys has its length in its first byte.", "de0001a16101"),
    ("keys out of order", "Keys are sorted by their bytes.", "82a16201a16101"),
    ("repeated key", "A key stands once.", "82a16101a16101"),
    ("key of bytes", "Keys are text.", "81c4016101"),
    ("key that is a number", "Keys are text.", "810101"),
    ("nil", "A field that says nothing is absent.", "81a161c0"),
    ("float", "There are no floating-point numbers.", "81a161cb3ff0000000000000"),
    ("extension", "There are no extension types.", "81a161d40100"),
    ("timestamp", "There are no extension types, this one included.", "81a161d6ff00000000"),
    ("not UTF-8", "Text is UTF-8.", "81a161a1ff"),
    ("surrogate", "UTF-8 has no surrogates.", "81a161a3eda080"),
]

_ID = bytes(range(1, 33))
_ROW = [b"name", 1, _ID, 5]

_TREES: list[tuple[str, str, Any]] = [
    ("entries as a map", "`entries` is a list.", {}),
    ("short entry", "An entry has four fields.", [_ROW[:3]]),
    ("name of text", "A name is bytes.", [["name", 1, _ID, 5]]),
    ("unknown entry kind", "Kinds are 1 to 4.", [[b"name", 5, _ID, 5]]),
    ("short id", "An id has 32 bytes.", [[b"name", 1, _ID[:31], 5]]),
    ("negative size", "A size is at least 0.", [[b"name", 1, _ID, -1]]),
    ("size too large", "A size is below 2^63.", [[b"name", 1, _ID, 1 << 63]]),
    ("entries out of order", "Entries are sorted by name.", [[b"b", 1, _ID, 5], [b"a", 1, _ID, 5]]),
    ("repeated name", "A name stands once.", [[b"a", 1, _ID, 5], [b"a", 4, _ID, 5]]),
    ("empty name", "A name is one component of a path.", [[b"", 1, _ID, 5]]),
    ("name of a dot", "A name is one component of a path.", [[b".", 1, _ID, 5]]),
    ("name of two dots", "A name is one component of a path.", [[b"..", 1, _ID, 5]]),
    ("name with a slash", "A name is one component of a path.", [[b"a/b", 1, _ID, 5]]),
    ("name with NUL", "A name is one component of a path.", [[b"a\0b", 1, _ID, 5]]),
    ("the repository's name", "`.sovr` is the repository's own folder, in any case.", [[b".SoVr", 4, _ID, 5]]),
    ("long name", "A name has at most 4,096 bytes.", [[b"x" * 4097, 1, _ID, 5]]),
]

_ADA = {"email": "ada@example.org", "name": "Ada Lovelace", "time": 1_700_000_000, "zone": 60}

_KEY = b"\2" + bytes(31) + b"\1"
_HALF = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0
"""The largest s: half of the order of the curve."""


def _signature(value: bytes = bytes(31) + b"\1" + bytes(31) + b"\1", key: bytes = _KEY, **other: Any) -> dict[str, Any]:
    return {"signed": {"scheme": "eip-191", "key": key, "value": value, **other}}


_ONE = (1).to_bytes(32)


def _where(**place: Any) -> dict[str, Any]:
    return {"differences": [{"change": "changed", "path": b"a", "where": place}]}


_CHANGES: list[tuple[Kind, str, str, dict[str, Any]]] = [
    (Kind.TREE, "no entries", "`entries` is required, even if it is empty.", {"entries": None}),
    (Kind.COMMIT, "no tree", "`tree` is required.", {"tree": None}),
    (Kind.COMMIT, "no message", "`message` is required, even if it is empty.", {"message": None}),
    (Kind.COMMIT, "no parents", "An empty list is absent.", {"parents": []}),
    (Kind.COMMIT, "short parent", "An id has 32 bytes.", {"parents": [bytes(31)]}),
    (Kind.COMMIT, "committer is author", "Then `committer` is absent.", {"committer": _ADA}),
    (Kind.COMMIT, "zone", "At most 1,440 minutes from UTC.", {"author": {**_ADA, "zone": 1441}}),
    (Kind.COMMIT, "key in author", "A map inside an object has no unknown keys.", {"author": {**_ADA, "x": 1}}),
    (Kind.COMMIT, "message of bytes", "`message` is text.", {"message": b"m"}),
    (Kind.COMMIT, "reuse without rule", "`rule` is required.", {"run": _ID, "reuse": {"reference": "r"}}),
    (Kind.COMMIT, "rule of reuse", "`rule` is one of three.", {"run": _ID, "reuse": {"rule": "all"}}),
    (
        Kind.COMMIT,
        "reuse with empty reference",
        "Empty text is absent.",
        {"run": _ID, "reuse": {"rule": "any", "reference": ""}},
    ),
    (
        Kind.COMMIT,
        "key in reuse",
        "A map inside an object has no unknown keys.",
        {"run": _ID, "reuse": {"rule": "any", "x": 1}},
    ),
    (Kind.COMMIT, "signature of bytes", "`signed` is a map.", {"signed": bytes(64)}),
    (Kind.COMMIT, "signature without scheme", "`scheme` is required.", {"signed": {"key": _KEY}}),
    (Kind.COMMIT, "signature with another key", "A scheme that is known has no unknown keys.", _signature(x=1)),
    (
        Kind.COMMIT,
        "signature of 65 bytes",
        "r and s have 64 bytes, and nothing follows.",
        _signature(bytes(31) + b"\1" * 34),
    ),
    (Kind.COMMIT, "r of zero", "r and s are at least 1.", _signature(bytes(32) + _ONE)),
    (Kind.COMMIT, "r too large", "r and s are below the order of the curve.", _signature(b"\xff" * 32 + _ONE)),
    (
        Kind.COMMIT,
        "s too large",
        "Of two values that fit, s is the smaller one.",
        _signature(_ONE + (_HALF + 1).to_bytes(32)),
    ),
    (Kind.RUN, "long public key", "A public key is compressed.", _signature(key=b"\4" + bytes(64))),
    (Kind.VERDICT, "sign of a public key", "A compressed point begins with 2 or 3.", _signature(key=b"\4" + bytes(32))),
    (Kind.RUN, "unknown status", "`status` is one of five words.", {"status": "won"}),
    (Kind.RUN, "false flag", "A flag is true or absent.", {"dirty": False}),
    (Kind.RUN, "empty reason", "An optional text that is empty is absent.", {"reason": ""}),
    (Kind.RUN, "usage of nothing", "A usage that is not known is absent.", {"usage": {"wall": 0}}),
    (Kind.RUN, "empty usage", "An empty map is absent.", {"usage": {}}),
    (Kind.RUN, "negative exit code", "An exit code is at least 0.", {"exit": -1}),
    (Kind.RUN, "signal 0", "A signal is at least 1.", {"signal": 0}),
    (Kind.RUN, "no executor", "`executor` says something.", {"executor": {}}),
    (Kind.TAG, "tag of a manifest", "`kind` is 1 to 6.", {"kind": 8}),
    (Kind.TAG, "tag of a table", "`kind` is 1 to 6.", {"kind": 7}),
    (Kind.VERDICT, "unknown finding", "`finding` is one of four words.", {"finding": "maybe"}),
    (Kind.VERDICT, "unknown change", "`change` is one of three.", {"differences": [{"change": "x", "path": b"a"}]}),
    (Kind.VERDICT, "key in a place", "A place has the keys of one form.", _where(offset=1, pointer="")),
    (Kind.VERDICT, "line 0", "Lines are counted from 1.", _where(line=0, column=1)),
    (Kind.VERDICT, "line without column", "`column` goes with `line`.", _where(line=1)),
    (Kind.VERDICT, "box of three", "A box has four sides.", _where(box=[0, 0, 1])),
    (Kind.VERDICT, "flat box", "A box has width and height.", _where(box=[0, 0, 1, 0])),
    (Kind.VERDICT, "first frame", "The first frame is absent.", _where(box=[0, 0, 1, 1], frame=1)),
    (Kind.VERDICT, "agrees by nothing", "With `agrees` something is within or ignored.", {"finding": "agrees"}),
    (
        Kind.VERDICT,
        "identical and ignored",
        "With `identical` nothing is ignored.",
        {"finding": "identical", "ignored": [b"output/a"]},
    ),
    (Kind.VERDICT, "within no rule", "`rule` is required.", {"within": [{"path": b"a"}]}),
    (Kind.VERDICT, "undecided for no reason", "`reason` is required.", {"undecided": [{"path": b"a", "rule": ""}]}),
    (Kind.VERDICT, "negative count", "`files` is at least 0.", {"files": -1}),
    (Kind.TOC, "unknown key", "A table has no unknown keys.", {"x": 1}),
    (Kind.TOC, "columns of two lengths", "Every column has a value for every entry.", {"kinds": b"\1"}),
    (Kind.TOC, "cut off column", "A column is a whole number of values.", {"offsets": b"\0\0\0"}),
    (Kind.MANIFEST, "generation 0", "Generations are counted from 1.", {"generation": 0}),
    (Kind.MANIFEST, "short repository", "A repository id has 16 bytes.", {"repository": bytes(15)}),
    (Kind.MANIFEST, "head outside refs", "`head` is the name of a ref.", {"head": "main"}),
    (Kind.MANIFEST, "ref with two dots", "Names of refs are Git's.", {"refs": {"refs/heads/a..b": _ID}}),
    (Kind.MANIFEST, "long chain", "At most 64 earlier manifests.", {"chain": [_ID] * 65}),
    (
        Kind.MANIFEST,
        "pack twice",
        "A pack is named once.",
        {"packs": [{"class": 1, "id": _ID, "objects": 1, "size": 9}] * 2},
    ),
    (
        Kind.MANIFEST,
        "large pack",
        "A pack has at most 80 MiB.",
        {"packs": [{"class": 1, "id": _ID, "objects": 1, "size": (80 << 20) + 1}]},
    ),
    (
        Kind.MANIFEST,
        "unknown class",
        "Classes are 1 and 2.",
        {"packs": [{"class": 3, "id": _ID, "objects": 1, "size": 9}]},
    ),
]


def _changed(kind: Kind, change: dict[str, Any]) -> bytes:
    """The first sample of a kind with fields set, or left out where the change is None."""
    fields = msgpack.unpackb(next(iter(SAMPLES[kind].values())).value.encode())
    merged = {key: value for key, value in {**fields, **change}.items() if value is not None}
    data: bytes = msgpack.packb(_sorted(merged))
    return data


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def _with_crc(fields: bytes) -> bytes:
    return fields + struct.pack("<I", zlib.crc32(fields))


def _entry(**changed: int) -> bytes:
    fields = {"kind": Kind.BLOB, "codec": Codec.RAW, "depth": 0, "stored": 5, "size": 5, **changed}
    return entry_header(digest=_ID, **fields)


def _pack_parts() -> Iterator[Refused]:
    header = pack_header(PackClass.CONTENT)
    yield Refused("pack header", "magic", "A pack begins with SOVRPACK.", b"sovr" + header[4:])
    yield Refused("pack header", "version", "The version is 1.", header[:8] + b"\2" + header[9:])
    yield Refused("pack header", "class", "Classes are 1 and 2.", header[:9] + b"\3" + header[10:])
    yield Refused("pack header", "cut off", "A header has 16 bytes.", header[:15])

    entry = _entry()
    yield Refused("entry header", "mark", "An entry begins with A7.", _with_crc(b"\xa6" + entry[1:48]))
    yield Refused("entry header", "checksum", "The CRC-32 is that of the 48 bytes before it.", entry[:48] + bytes(4))
    yield Refused("entry header", "kind", "Kinds are 1 to 8.", _entry(kind=9))
    yield Refused("entry header", "codec", "Codecs are 0 to 2.", _entry(codec=3))
    yield Refused("entry header", "depth of data", "Only a chunk list has a depth.", _entry(depth=1))
    yield Refused("entry header", "list without depth", "A chunk list has a depth.", _entry(codec=Codec.CHUNKS))
    yield Refused("entry header", "long payload", "A payload has at most 16 MiB.", _entry(stored=(16 << 20) + 1))
    yield Refused("entry header", "large object", "Data has at most 16 MiB.", _entry(size=(16 << 20) + 1))
    yield Refused("entry header", "huge object", "No object has 2^63 bytes.", _entry(codec=2, depth=1, size=1 << 63))
    yield Refused("entry header", "cut off", "A header has 52 bytes.", entry[:51])

    end = trailer(16, 1)
    yield Refused("trailer", "magic", "A pack ends with SOVRPEND.", end[:-1] + b"d")
    yield Refused("trailer", "checksum", "The CRC-32 is that of the 8 bytes before it.", end[:8] + bytes(4) + end[12:])

    record = _ID + b"\5\0\0\0"
    yield Refused("chunk list", "empty", "A chunked object has pieces.", b"")
    yield Refused("chunk list", "cut off", "A record has 36 bytes.", record[:-1])
    yield Refused("chunk list", "empty piece", "A piece has at least one byte.", record[:32] + bytes(4))
    yield Refused("chunk list", "long piece", "A piece has at most 16 MiB.", record[:32] + b"\1\0\0\1")
