"""Run records: one execution, with everything needed to trace, repeat and check it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value, decode, encode, without_defaults
from sovrgit.objects.ids import Kind, ObjectId, hash_object
from sovrgit.objects.signature import SIGNED, Signature, take_signature


class RunStatus(enum.StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    PARTIAL = "partial"


THIS_TASK = "."
"""The reference by which the record of a pod's run names the task that it was run in."""


class External(NamedTuple):
    """A payload taken from another pod: what was asked for and what it turned out to be.

    `place` is the name under which it lay below the folder of external payload. It is empty for what was spread out in
    that folder itself: what is in a folder, or in an archive. `executable` says that it is a file of that kind.
    """

    reference: str
    commit: ObjectId
    path: str
    id: ObjectId
    place: str = ""
    executable: bool = False


class Member(NamedTuple):
    """A pod of a task: its name there, the reference and commit that it was taken from, and its run."""

    name: str
    reference: str
    commit: ObjectId
    run: ObjectId


class Usage(NamedTuple):
    """What a run used: times in nanoseconds, sizes in bytes. Zero means not known."""

    wall: int = 0
    user: int = 0
    system: int = 0
    memory: int = 0
    read: int = 0
    written: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Run:
    """One execution.

    `started` and `finished` are nanoseconds since 1970. `command` keeps `[@]` for the pod's folder, so that no path
    of a machine stands in the record. `input` is the tree of recipe, scripts and payload; `output` and `log` are
    trees of what the run left in the declared folders, named from the pod's root. `base` is the commit that was
    checked out, `dirty` says that the input differed from it. `repeats` names the run that this one repeats. `key`
    is the run key (`docs/internals/runs.md`). `pods` are the pods of a task with their runs. `golem` holds the receipts
    of runs on Golem.
    """

    status: RunStatus
    pod: str
    recipe: ObjectId
    input: ObjectId
    key: ObjectId
    command: tuple[str, ...]
    executor: Mapping[str, str] = field(hash=False)
    platform: Mapping[str, str] = field(hash=False)
    started: int
    finished: int
    reason: str = ""
    outputs: tuple[str, ...] = ()
    output: ObjectId | None = None
    log: ObjectId | None = None
    base: ObjectId | None = None
    dirty: bool = False
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage = NO_USAGE
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    external: tuple[External, ...] = ()
    pods: tuple[Member, ...] = ()
    repeats: ObjectId | None = None
    by: str = ""
    golem: Mapping[str, Value] = field(default_factory=dict, hash=False)
    signature: Signature | None = None
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)

    @property
    def succeeded(self) -> bool:
        """Whether the run ended well and left output."""
        return self.status is RunStatus.SUCCEEDED

    def encode(self) -> bytes:
        """The canonical bytes.

        Raises:
            ObjectInvalid: if a field has a value that cannot be encoded.
        """
        required = {
            "status": str(self.status),
            "pod": self.pod,
            "recipe": self.recipe,
            "input": self.input,
            "key": self.key,
            "executor": dict(self.executor),
            "platform": dict(self.platform),
            "started": self.started,
            "finished": self.finished,
        }
        optional = {
            "command": self.command,
            "reason": self.reason,
            "outputs": self.outputs,
            "output": self.output,
            "log": self.log,
            "base": self.base,
            "dirty": self.dirty,
            "exit": self.exit_code,
            "signal": self.signal,
            "usage": {name: amount for name, amount in self.usage._asdict().items() if amount},
            "parameters": dict(self.parameters),
            "environment": dict(self.environment),
            "external": [_external_fields(entry) for entry in self.external],
            "pods": [member._asdict() for member in self.pods],
            "repeats": self.repeats,
            "by": self.by,
            "golem": dict(self.golem),
            SIGNED: self.signature and self.signature.fields(),
        }
        data = encode({**self.extra, **required, **without_defaults(optional)}, kind=Kind.RUN)
        # What could not be read again is refused now, not when it is needed.
        Run.decode(data)
        return data

    @classmethod
    def decode(cls, data: bytes) -> Run:
        """The run that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical run record.
        """
        fields = Fields(Kind.RUN, decode(data, kind=Kind.RUN))
        status = fields.text("status")
        if status not in {*RunStatus}:
            raise ObjectInvalid(kind="run", reason=f"status `{status}` is not known")
        return cls(
            status=RunStatus(status),
            pod=fields.text("pod"),
            recipe=fields.id("recipe"),
            input=fields.id("input"),
            key=fields.id("key"),
            command=tuple(fields.items("command", str)),
            executor=_required_map(fields, "executor"),
            platform=_required_map(fields, "platform"),
            started=fields.integer("started", minimum=0),
            finished=fields.integer("finished", minimum=0),
            reason=fields.text("reason", ""),
            outputs=tuple(fields.items("outputs", str)),
            output=fields.optional_id("output"),
            log=fields.optional_id("log"),
            base=fields.optional_id("base"),
            dirty=fields.flag("dirty"),
            exit_code=fields.integer("exit", minimum=0) if fields.has("exit") else None,
            signal=fields.integer("signal", minimum=1) if fields.has("signal") else None,
            usage=_usage(fields),
            parameters=fields.text_map("parameters"),
            environment=fields.text_map("environment"),
            external=tuple(_external(entry) for entry in fields.items("external", dict)),
            pods=tuple(_member(entry) for entry in fields.items("pods", dict)),
            repeats=fields.optional_id("repeats"),
            by=fields.text("by", ""),
            golem=fields.mapping("golem"),
            signature=take_signature(fields, Kind.RUN),
            extra=fields.rest(),
        )

    def id(self) -> ObjectId:
        """The run's id."""
        return hash_object(Kind.RUN, self.encode())


def _required_map(fields: Fields, key: str) -> dict[str, str]:
    if not fields.has(key):
        raise ObjectInvalid(kind="run", reason=f"`{key}` is missing")
    return fields.text_map(key)


def _usage(fields: Fields) -> Usage:
    values = Fields(Kind.RUN, fields.mapping("usage"))
    usage = Usage(**{name: values.integer(name, 0, minimum=0) for name in Usage._fields})
    values.done()
    return usage


def _external_fields(external: External) -> dict[str, Value]:
    required = {
        "reference": external.reference,
        "commit": external.commit,
        "path": external.path,
        "id": external.id,
    }
    return {**required, **without_defaults({"place": external.place, "executable": external.executable})}


def _external(entry: dict[str, Value]) -> External:
    fields = Fields(Kind.RUN, entry)
    external = External(
        reference=fields.text("reference"),
        commit=fields.id("commit"),
        path=fields.text("path"),
        id=fields.id("id"),
        place=fields.text("place", ""),
        executable=fields.flag("executable"),
    )
    fields.done()
    return external


def _member(entry: dict[str, Value]) -> Member:
    fields = Fields(Kind.RUN, entry)
    member = Member(fields.text("name"), fields.text("reference"), fields.id("commit"), fields.id("run"))
    fields.done()
    return member
