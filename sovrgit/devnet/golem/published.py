"""The files that a requestor's `gftp` has made reachable: a note about each, in a folder that the stand-in reads.

Who can write there can have files of this user read and written; so the folder is this user's only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import string
from pathlib import Path
from typing import Any

_URL = re.compile(r"gftp://(0x[0-9a-f]{40})/([0-9A-Za-z]{64,65})")
_LETTERS = string.ascii_letters + string.digits
_PIECE = 1 << 20


class Published:
    """The notes, seen from both sides."""

    def __init__(self, folder: Path, node_id: str) -> None:
        """`node_id` is the address of the one who publishes."""
        self._folder = folder
        self._node_id = node_id

    def publish(self, file: Path) -> str:
        """Make a file reachable, by the SHA3-256 of what is in it. Its address.

        Raises:
            OSError: if it cannot be read.
        """
        hashed = hashlib.sha3_256()
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE):
                hashed.update(piece)
        return self._note(hashed.hexdigest(), {"source": str(file.absolute())})

    def receive(self, file: Path) -> str:
        """Make a file that can be written, at once and empty. Its address.

        Raises:
            OSError: if it cannot be made.
        """
        file.open("wb").close()
        name = "".join(secrets.choice(_LETTERS) for _ in range(65))
        return self._note(name, {"destination": str(file.absolute())})

    def close(self, url: str) -> bool:
        """Make a file unreachable; whether it was reachable."""
        place = self._place(url)
        if place is None:
            return False
        try:
            place.unlink()
        except FileNotFoundError:
            return False
        return True

    def source(self, url: str) -> Path | None:
        """The file that was published as this."""
        return self._noted(url, "source")

    def destination(self, url: str) -> Path | None:
        """The file that is written by writing to this."""
        return self._noted(url, "destination")

    @staticmethod
    def hash_of(url: str) -> str:
        """What the file that was published as this must have as SHA3-256, in hexadecimal."""
        return url.rpartition("/")[2]

    def clear(self) -> None:
        """Forget what was left behind by those who were killed."""
        for note in self._folder.iterdir():
            note.unlink()

    def _noted(self, url: str, kind: str) -> Path | None:
        place = self._place(url)
        if place is None:
            return None
        try:
            note: dict[str, Any] = json.loads(place.read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Path(note[kind]) if kind in note else None

    def _place(self, url: str) -> Path | None:
        found = _URL.fullmatch(url)
        return self._folder / found[2] if found and found[1] == self._node_id else None

    def _note(self, name: str, note: dict[str, str]) -> str:
        place = self._folder / name
        temporary = self._folder / f".{secrets.token_hex(8)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(note, file)
            temporary.replace(place)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        return f"gftp://{self._node_id}/{name}"
