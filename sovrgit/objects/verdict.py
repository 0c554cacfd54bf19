"""Verdicts: what came of repeating a run. A record of its own, because runs never change and anyone may check one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value, decode, encode, without_defaults
from sovrgit.objects.ids import Kind, ObjectId, hash_object
from sovrgit.objects.signature import SIGNED, Signature, take_signature


class Finding(enum.StrEnum):
    """What a comparison found."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    INCOMPARABLE = "not comparable"


class OutputDifference(NamedTuple):
    """One output that is not the same: `change` is `added`, `removed` or `changed`, seen from the recorded run."""

    path: bytes
    change: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of the outputs of `run` with those of `repeat`.

    `time` is nanoseconds since 1970. `files` counts the outputs that were compared. `reason` says why they could not be
    compared, where that is the finding.
    """

    finding: Finding
    run: ObjectId
    repeat: ObjectId
    time: int
    files: int
    differences: tuple[OutputDifference, ...] = ()
    reason: str = ""
    by: str = ""
    signature: Signature | None = None
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def encode(self) -> bytes:
        """The canonical bytes.

        Raises:
            ObjectInvalid: if a field has a value that cannot be encoded.
        """
        required = {
            "finding": str(self.finding),
            "run": self.run,
            "repeat": self.repeat,
            "time": self.time,
            "files": self.files,
        }
        optional = {
            "differences": [entry._asdict() for entry in self.differences],
            "reason": self.reason,
            "by": self.by,
            SIGNED: self.signature and self.signature.fields(),
        }
        data = encode({**self.extra, **required, **without_defaults(optional)}, kind=Kind.VERDICT)
        # What could not be read again is refused now, not when it is needed.
        Verdict.decode(data)
        return data

    @classmethod
    def decode(cls, data: bytes) -> Verdict:
        """The verdict that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical verdict.
        """
        fields = Fields(Kind.VERDICT, decode(data, kind=Kind.VERDICT))
        finding = fields.text("finding")
        if finding not in {*Finding}:
            raise ObjectInvalid(kind="verdict", reason=f"finding `{finding}` is not known")
        return cls(
            finding=Finding(finding),
            run=fields.id("run"),
            repeat=fields.id("repeat"),
            time=fields.integer("time", minimum=0),
            files=fields.integer("files", minimum=0),
            differences=tuple(_difference(entry) for entry in fields.items("differences", dict)),
            reason=fields.text("reason", ""),
            by=fields.text("by", ""),
            signature=take_signature(fields, Kind.VERDICT),
            extra=fields.rest(),
        )

    def id(self) -> ObjectId:
        """The verdict's id."""
        return hash_object(Kind.VERDICT, self.encode())


def _difference(entry: dict[str, Value]) -> OutputDifference:
    fields = Fields(Kind.VERDICT, entry)
    difference = OutputDifference(fields.data("path"), fields.text("change"))
    fields.done()
    if difference.change not in ("added", "removed", "changed"):
        raise ObjectInvalid(kind="verdict", reason=f"change `{difference.change}` is not known")
    return difference
