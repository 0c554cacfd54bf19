"""What is remembered of other pods between questions: when they were asked, and what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sovrgit.lineage.pods.other import PodState
from sovrgit.pod.lock import locked
from sovrgit.store.files import reporting, write_atomic

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Note:
    """A place, without anything secret: its name, what came of asking it last, and when; times as in `OtherPod`.

    `seal` is the fingerprint of the key that opens it, if it is a private pod.
    """

    location: str
    name: str = ""
    state: PodState = PodState.ABSENT
    reason: str = ""
    asked: int | None = None
    fetched: int | None = None
    seal: str | None = None


class Notes:
    """The notes, in a file. It is a cache: a damaged one is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes: dict[str, Note] | None = None

    def all(self) -> dict[str, Note]:
        """The notes by location.

        Raises:
            StorageFailure: if they cannot be read.
        """
        if self._notes is None:
            self._notes = self._read()
        return self._notes

    def keep(self, note: Note) -> None:
        """Replace the note on a place.

        Raises:
            Locked, StorageFull, ReadOnly, StorageFailure: if that cannot be done.
        """
        with locked(self._path.with_name(self._path.name + ".lock")):
            # Another process may have asked others meanwhile.
            self._notes = {**self._read(), note.location: note}
            entries = [asdict(one) for one in self._notes.values()]
            text = json.dumps({"version": _VERSION, "pods": entries}, indent=1)
            write_atomic(self._path, text.encode("utf-8", "surrogateescape"), mode=0o600)

    def _read(self) -> dict[str, Note]:
        with reporting(self._path):
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                return {}
        try:
            document = json.loads(data.decode("utf-8", "surrogateescape"))
            if document["version"] != _VERSION:
                return {}
            notes = [Note(**{**entry, "state": PodState(entry["state"])}) for entry in document["pods"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return {}
        return {note.location: note for note in notes}
