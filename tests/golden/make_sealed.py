"""Makes the golden vectors of sealed files, `sealed.json`, from the code as it is now.

    python tests/golden/make_sealed.py             print them
    python tests/golden/make_sealed.py --write     write them, if the file is not there

A vector that changes means that private pods which exist cannot be read: see `make.py`.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

from blake3 import blake3
from golden_vectors import FOLDER, Json, pattern

from sovrgit.objects.ids import blob_id
from sovrgit.remotes.sealing.form import SEGMENT_SIZE
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import MANIFEST, Label, hidden_name
from sovrgit.remotes.sealing.padding import Padding
from sovrgit.remotes.sealing.seal import seal_bytes

FILE = FOLDER / "sealed.json"

KEYS = {
    "counting": bytes(range(32)),
    "zeros": bytes(32),
    "from a hash": blob_id(b"key of a pod"),
}

PACK = Label.of_pack(blob_id(b"a pack"))


class Sealed(NamedTuple):
    """A file that is sealed, with the chance that went into it."""

    about: str
    key: str
    salt: bytes
    label: Label
    padding: Padding
    data: bytes


_SALT = bytes(range(100, 132))

FILES = {
    "empty": Sealed(
        "A file without bytes: one segment, which holds the length.", "zeros", bytes(32), MANIFEST, Padding.NONE, b""
    ),
    "hello": Sealed("A line, as it would be sealed as a pack.", "counting", _SALT, PACK, Padding.NONE, b"hello\n"),
    "hello, as a manifest": Sealed(
        "The same, sealed for another purpose.", "counting", _SALT, MANIFEST, Padding.NONE, b"hello\n"
    ),
    "padded": Sealed(
        "The same, padded to the smallest size.", "from a hash", _SALT, MANIFEST, Padding.COARSE, b"hello\n"
    ),
    "one segment": Sealed(
        "The largest file in one segment.", "counting", _SALT, PACK, Padding.NONE, pattern(SEGMENT_SIZE - 8)
    ),
    "two segments": Sealed(
        "One byte more: a last segment of one byte.", "counting", _SALT, PACK, Padding.NONE, pattern(SEGMENT_SIZE - 7)
    ),
    "three segments, padded": Sealed(
        "140,000 bytes, padded by the steps that are usual for packs.",
        "counting",
        _SALT,
        PACK,
        Padding.FINE,
        pattern(140_000),
    ),
}

LONGEST_SHOWN = 256
"""Bytes of a sealed file above which only its hash is written down."""


def made() -> Json:
    """The content of the file."""
    return {"kind": "sealed", "keys": [*map(_key, KEYS)], "files": [*map(_file, FILES)]}


def text() -> str:
    """The text of the file."""
    return json.dumps(made(), indent=1, ensure_ascii=True) + "\n"


def sealed(name: str) -> bytes:
    """A sealed file of the vectors, made now."""
    file = FILES[name]
    return seal_bytes(
        file.data, PodKey(bytes(KEYS[file.key])), file.label, padding=file.padding, random=lambda size: file.salt[:size]
    )


def _key(name: str) -> Json:
    key = PodKey(bytes(KEYS[name]))
    names = [
        {"purpose": str(label.purpose), "name": label.name, "hidden": hidden_name(key, label)}
        for label in (MANIFEST, PACK)
    ]
    secret = KEYS[name].hex()
    return {"name": name, "secret": secret, "text": key.reveal(), "fingerprint": key.fingerprint, "names": names}


def _file(name: str) -> Json:
    file, data = FILES[name], sealed(name)
    content = {"bytes": file.data.hex()} if len(file.data) < 100 else {"pattern": len(file.data)}
    found: dict[str, Any] = {"name": name, "about": file.about, "key": file.key, "salt": file.salt.hex()}
    found |= {"purpose": str(file.label.purpose), "label": file.label.name, "padding": file.padding.value}
    found |= {"data": content, "size": len(data)}
    if len(data) <= LONGEST_SHOWN:
        return {**found, "sealed": data.hex()}
    return {**found, "sealed blake3": blake3(data).hexdigest()}


def main() -> int:
    """Print or write; 1 if the file is there and differs."""
    if sys.argv[1:] != ["--write"]:
        sys.stdout.write(text())
        return 0
    if not FILE.exists():
        FILE.write_text(text(), "utf-8")
    return 0 if FILE.read_text("utf-8") == text() else 1


if __name__ == "__main__":
    sys.exit(main())
