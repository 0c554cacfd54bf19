"""Batches of commands: what they are, how far they have come, and what they have said."""

from __future__ import annotations

import codecs
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sovrgit.devnet.golem.world import Malformed, Refused, new_id, stamp

CAPTURED = 1 << 20
"""Bytes of each output of a command that are kept. What comes after them is not."""

_CUT = "\n[the stand-in keeps no more of this]\n"
_COMMANDS = 1000
_KINDS = ("deploy", "start", "run", "transfer", "terminate", "sign")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its kind, and what it says."""

    kind: str
    body: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """As it was sent."""
        return {self.kind: dict(self.body)}


class Allowance:
    """How many bytes may still be kept, of all batches together."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self, wanted: int) -> int:
        """Take what is wanted, or what there is."""
        with self._lock:
            granted = min(wanted, self._left)
            self._left -= granted
            return granted

    def give(self, amount: int) -> None:
        """Give back what is no longer kept."""
        with self._lock:
            self._left += amount


class Output:
    """What a command writes to one stream, as text, up to a limit."""

    def __init__(self, wanted: bool, grant: Callable[[int], int]) -> None:
        """`grant` says how many of some bytes may be kept."""
        self._wanted = wanted
        self._grant = grant
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = CAPTURED
        self._pieces: list[str] = []

    def add(self, data: bytes) -> str:
        """Take more; the text to tell of."""
        if not self._wanted or self._left <= 0:
            return ""
        kept = data[: self._grant(min(len(data), self._left))]
        self._left = self._left - len(kept) if len(kept) == len(data) else 0
        text = self._decoder.decode(kept) + (_CUT if self._left == 0 else "")
        self._pieces.append(text)
        return text

    def text(self) -> str | None:
        """All of it; None if nobody wanted it."""
        if not self._wanted:
            return None
        # Joined once, so that it is not kept twice.
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]


@dataclass(slots=True)
class Batch:
    """Commands that are run one after the other, until one fails.

    Attributes:
        results: those of the commands that have ended.
        events: everything that has happened, for those who follow it.
        finished: whether nothing more will happen.
        charged: bytes that are kept for it.
    """

    id: str
    commands: Sequence[Command]
    results: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    charged: int = 0

    @classmethod
    def of(cls, given: Any) -> Batch:
        """A batch from what a client sent: an object with the commands as JSON in `text`.

        Raises:
            Refused: if it is malformed.
        """
        text = given.get("text") if isinstance(given, dict) else None
        if not isinstance(text, str):
            raise Malformed("missing field `text`")
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise Refused(400, f"Cannot parse exe script: {error}") from None
        if not isinstance(listed, list) or not listed:
            raise Refused(400, "Cannot parse exe script: empty command list")
        if len(listed) > _COMMANDS:
            raise Refused(400, f"Cannot parse exe script: more than {_COMMANDS} commands")
        return cls(new_id(), [_command(one) for one in listed])

    def happened(self, index: int, kind: str, what: Any, moment: datetime) -> None:
        """Note something for those who follow."""
        self.events.append(
            {
                "batch_id": self.id,
                "index": index,
                "timestamp": stamp(moment).rstrip("Z"),
                "kind": {kind: what},
            }
        )

    def ended(
        self, index: int, code: int, message: str | None, stdout: str | None, stderr: str | None, moment: datetime
    ) -> None:
        """Note that a command has ended, with a code that is 0 if all is well."""
        self.finished = code != 0 or index == len(self.commands) - 1
        self.results.append(
            {
                "index": index,
                "eventDate": stamp(moment),
                "result": "Error" if code else "Ok",
                "stdout": stdout,
                "stderr": stderr,
                "message": message,
                "isBatchFinished": self.finished,
            }
        )
        self.happened(index, "finished", {"return_code": code, "message": message}, moment)


def _command(given: Any) -> Command:
    if not isinstance(given, dict) or len(given) != 1:
        raise Refused(400, "Cannot parse exe script: a command is an object with one key")
    kind, body = next(iter(given.items()))
    if kind not in _KINDS or not isinstance(body or {}, dict):
        raise Refused(400, f"Cannot parse exe script: unknown command `{str(kind)[:64]}`")
    body = body or {}
    if kind == "run":
        arguments = body.get("args", [])
        texts = isinstance(arguments, list) and all(isinstance(one, str) for one in arguments)
        if not isinstance(body.get("entry_point"), str) or not texts:
            raise Refused(400, "Cannot parse exe script: `run` needs `entry_point` and `args`")
    if kind == "transfer" and not (isinstance(body.get("from"), str) and isinstance(body.get("to"), str)):
        raise Refused(400, "Cannot parse exe script: `transfer` needs `from` and `to`")
    return Command(kind, body)
