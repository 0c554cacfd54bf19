"""Commits: a state of the pod, who made it, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value, decode, encode, without_defaults
from sovrgit.objects.ids import Kind, ObjectId, hash_object
from sovrgit.objects.signature import SIGNED, Signature, take_signature

MAX_ZONE = 24 * 60
"""Minutes that a time zone may lie from UTC. Real ones stay within 14 hours; Git histories hold odd ones."""


GIT = "git"
"""The key of a commit's or tag's `extra` under which is kept what it was in Git, if it came from there."""


class Stamp(NamedTuple):
    """Who did something, and when: `time` in seconds since 1970, `zone` in minutes east of UTC."""

    name: str
    email: str
    time: int
    zone: int = 0


class Fork(NamedTuple):
    """Where a fork comes from: the reference it was read through, the commit, and the pod's name."""

    reference: str
    commit: ObjectId
    pod: str


REUSE_RULES: Final = ("own", "trusted", "any")
"""Whose results may be taken over, the strictest rule first."""


class Reuse(NamedTuple):
    """How a commit came to the output of its `run`: it was taken over, not computed.

    `rule` is what was allowed, one of `REUSE_RULES`. `reference` is the place that the result was found at, without
    secrets, and empty if it was known in this pod. `trusted` is the address of the key on whose word it was taken.
    """

    rule: str
    reference: str = ""
    trusted: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of the pod.

    `run` names the run that produced this state, and `reuse` says how, if this commit only took it over; `fork` stands
    in the first commit of a fork only. `committer` is given where it is not the author. Of `signature` only the form
    has been checked. `extra` keeps the fields that a newer version wrote.
    """

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    author: Stamp
    message: str
    committer: Stamp | None = None
    run: ObjectId | None = None
    fork: Fork | None = None
    reuse: Reuse | None = None
    signature: Signature | None = None
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)

    @property
    def summary(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    @property
    def time(self) -> int:
        """When the commit was made, in seconds since 1970."""
        return (self.committer or self.author).time

    def encode(self) -> bytes:
        """The canonical bytes.

        Raises:
            ObjectInvalid: if a field has a value that cannot be encoded.
        """
        required = {"tree": self.tree, "author": self.author._asdict(), "message": self.message}
        optional = {
            "parents": self.parents,
            "committer": self.committer and self.committer._asdict(),
            "run": self.run,
            "fork": self.fork and self.fork._asdict(),
            "reuse": self.reuse and without_defaults(self.reuse._asdict()),
            SIGNED: self.signature and self.signature.fields(),
        }
        data = encode({**self.extra, **required, **without_defaults(optional)}, kind=Kind.COMMIT)
        # What could not be read again is refused now, not when it is needed.
        Commit.decode(data)
        return data

    @classmethod
    def decode(cls, data: bytes) -> Commit:
        """The commit that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical commit.
        """
        fields = Fields(Kind.COMMIT, decode(data, kind=Kind.COMMIT))
        author = _stamp(fields.nested("author"))
        committer = _stamp(fields.nested("committer")) if fields.has("committer") else None
        if committer == author:
            raise ObjectInvalid(kind="commit", reason="`committer` is the author and should be absent")
        fork = None
        if fields.has("fork"):
            origin = fields.nested("fork")
            fork = Fork(origin.text("reference"), origin.id("commit"), origin.text("pod"))
            origin.done()
        return cls(
            tree=fields.id("tree"),
            parents=fields.ids("parents"),
            author=author,
            message=fields.text("message"),
            committer=committer,
            run=fields.optional_id("run"),
            fork=fork,
            reuse=_reuse(fields.nested("reuse")) if fields.has("reuse") else None,
            signature=take_signature(fields, Kind.COMMIT),
            extra=fields.rest(),
        )

    def id(self) -> ObjectId:
        """The commit's id."""
        return hash_object(Kind.COMMIT, self.encode())


def _reuse(fields: Fields) -> Reuse:
    reuse = Reuse(fields.text("rule"), fields.text("reference", ""), fields.text("trusted", ""))
    fields.done()
    if reuse.rule not in REUSE_RULES:
        raise ObjectInvalid(kind="commit", reason=f"rule `{reuse.rule}` of reuse is not known")
    return reuse


def _stamp(fields: Fields) -> Stamp:
    stamp = Stamp(fields.text("name"), fields.text("email"), fields.integer("time"), fields.integer("zone"))
    fields.done()
    if abs(stamp.zone) > MAX_ZONE:
        raise ObjectInvalid(kind="commit", reason=f"a time zone of {stamp.zone} minutes")
    return stamp
