"""Verdicts: what came of repeating a run. A record of its own, because runs never change and anyone may check one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value, decode, encode, without_defaults
from sovrgit.objects.ids import Kind, ObjectId, hash_object
from sovrgit.objects.place import Place, place_fields, take_place
from sovrgit.objects.signature import SIGNED, Signature, take_signature


class Finding(enum.StrEnum):
    """What a comparison found. `AGREES` is: not the same bytes, and all within the rules of the recipe."""

    IDENTICAL = "identical"
    AGREES = "agrees"
    DIFFERS = "differs"
    INCOMPARABLE = "not comparable"

    @property
    def confirms(self) -> bool:
        """Whether the repeat came to the result of the run."""
        return self in (Finding.IDENTICAL, Finding.AGREES)


class OutputDifference(NamedTuple):
    """One output that is not the same: `change` is `added`, `removed` or `changed`, seen from the recorded run.

    `rule` is the one that it was compared by, as compact JSON; empty if that was byte by byte. `where` is the first
    place, `detail` says how much is different, both where that is known.
    """

    path: bytes
    change: str
    rule: str = ""
    where: Place | None = None
    detail: str = ""


class OutputWithin(NamedTuple):
    """One output that is not the same, and as the `rule` (compact JSON) allows it; `detail` says by how much."""

    path: bytes
    rule: str
    detail: str = ""


class OutputUndecided(NamedTuple):
    """One output that is not the same bytes, and why it could not be compared by its `rule`."""

    path: bytes
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of the outputs of `run` with those of `repeat`.

    `time` is nanoseconds since 1970. `files` counts the outputs that were compared. `reason` says why they could not be
    compared, where that is the finding. What is not the same is in one of four lists: `differences`, `within` (a rule),
    `undecided`, and `ignored`, of which the recipe says that it does not count; `unlisted` counts what is in none of
    them, because there was too much.
    """

    finding: Finding
    run: ObjectId
    repeat: ObjectId
    time: int
    files: int
    differences: tuple[OutputDifference, ...] = ()
    reason: str = ""
    by: str = ""
    within: tuple[OutputWithin, ...] = ()
    undecided: tuple[OutputUndecided, ...] = ()
    ignored: tuple[bytes, ...] = ()
    unlisted: int = 0
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
            "differences": [_with_details(entry, path=entry.path, change=entry.change) for entry in self.differences],
            "within": [_with_details(entry, path=entry.path, rule=entry.rule) for entry in self.within],
            "undecided": [entry._asdict() for entry in self.undecided],
            "ignored": list(self.ignored),
            "unlisted": self.unlisted or None,
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
        verdict = cls(
            finding=Finding(finding),
            run=fields.id("run"),
            repeat=fields.id("repeat"),
            time=fields.integer("time", minimum=0),
            files=fields.integer("files", minimum=0),
            differences=tuple(_difference(entry) for entry in fields.items("differences", dict)),
            reason=fields.text("reason", ""),
            by=fields.text("by", ""),
            within=tuple(_within(entry) for entry in fields.items("within", dict)),
            undecided=tuple(_undecided(entry) for entry in fields.items("undecided", dict)),
            ignored=tuple(fields.items("ignored", bytes)),
            unlisted=fields.integer("unlisted", minimum=1) if fields.has("unlisted") else 0,
            signature=take_signature(fields, Kind.VERDICT),
            extra=fields.rest(),
        )
        verdict._check()
        return verdict

    def _check(self) -> None:
        """Refuse a finding that its own lists speak against. `identical` was never checked against `differences`."""
        against = {
            Finding.IDENTICAL: self.within or self.undecided or self.ignored or self.unlisted,
            Finding.AGREES: self.differences or self.undecided or not (self.within or self.ignored),
        }
        if against.get(self.finding):
            raise ObjectInvalid(
                kind="verdict", reason=f"finding `{self.finding}` does not fit the outputs that it lists"
            )

    def id(self) -> ObjectId:
        """The verdict's id."""
        return hash_object(Kind.VERDICT, self.encode())


def _with_details(entry: OutputDifference | OutputWithin, **required: Value) -> dict[str, Value]:
    """The map of an entry: what is required, and of all else what says something."""
    fields = entry._asdict()
    where: Place | None = fields.pop("where", None)
    return {**without_defaults({**fields, "where": where and place_fields(where)}), **required}


def _difference(entry: dict[str, Value]) -> OutputDifference:
    fields = Fields(Kind.VERDICT, entry)
    difference = OutputDifference(
        fields.data("path"),
        fields.text("change"),
        fields.text("rule", ""),
        take_place(fields.nested("where")) if fields.has("where") else None,
        fields.text("detail", ""),
    )
    fields.done()
    if difference.change not in ("added", "removed", "changed"):
        raise ObjectInvalid(kind="verdict", reason=f"change `{difference.change}` is not known")
    return difference


def _within(entry: dict[str, Value]) -> OutputWithin:
    fields = Fields(Kind.VERDICT, entry)
    within = OutputWithin(fields.data("path"), fields.text("rule"), fields.text("detail", ""))
    fields.done()
    return within


def _undecided(entry: dict[str, Value]) -> OutputUndecided:
    fields = Fields(Kind.VERDICT, entry)
    undecided = OutputUndecided(fields.data("path"), fields.text("rule"), fields.text("reason"))
    fields.done()
    return undecided
