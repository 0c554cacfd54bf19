"""The manifest: the one mutable thing of a remote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sovrgit.errors import ObjectInvalid, RemoteDiverged, UnsafeName
from sovrgit.objects.codec import Fields, Value, decode, encode, without_defaults
from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId, hash_object
from sovrgit.pod.refs import check_ref
from sovrgit.store.format import MAX_PACK, PackClass

REPOSITORY_ID_SIZE = 16
"""Bytes of the random id that a remote gets with its first push."""

CHAIN_LENGTH = 64
"""Earlier manifests that a manifest names, so that readers who skipped some can still follow the chain."""


class PackEntry(NamedTuple):
    """A pack that the remote holds; `size` in bytes. `origin` is the reference of another place that holds it, if it is
    not in this one: that of the pod which this one was forked from."""

    id: ObjectId
    size: int
    kind: PackClass
    objects: int
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a remote holds.

    `generation` counts manifests from 1; `chain` names the earlier ones, the latest first. `head` is the branch that a
    clone checks out. `writer` tells two writers apart. `time` is nanoseconds since 1970. `recipe` summarises the pod
    for listings.
    """

    repository: bytes
    generation: int
    chain: tuple[ObjectId, ...]
    writer: str
    time: int
    head: str
    refs: Mapping[str, ObjectId] = field(hash=False)
    packs: tuple[PackEntry, ...]
    recipe: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def encode(self) -> bytes:
        """The canonical bytes."""
        packs = [
            {
                **{"id": pack.id, "size": pack.size, "class": int(pack.kind), "objects": pack.objects},
                **without_defaults({"origin": pack.origin}),
            }
            for pack in self.packs
        ]
        required = {
            "repository": self.repository,
            "generation": self.generation,
            "writer": self.writer,
            "time": self.time,
            "head": self.head,
        }
        optional = {"chain": self.chain, "refs": dict(self.refs), "packs": packs, "recipe": dict(self.recipe)}
        return encode({**self.extra, **required, **without_defaults(optional)}, kind=Kind.MANIFEST)

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """The manifest that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical manifest, or says something impossible.
        """
        fields = Fields(Kind.MANIFEST, decode(data, kind=Kind.MANIFEST))
        manifest = cls(
            repository=fields.data("repository"),
            generation=fields.integer("generation", minimum=1),
            chain=fields.ids("chain"),
            writer=fields.text("writer"),
            time=fields.integer("time", minimum=0),
            head=fields.text("head"),
            refs={_ref(name): _id(name, value) for name, value in fields.mapping("refs").items()},
            packs=tuple(_pack(entry) for entry in fields.items("packs", dict)),
            recipe=fields.text_map("recipe"),
            extra=fields.rest(),
        )
        _ref(manifest.head)
        if len(manifest.repository) != REPOSITORY_ID_SIZE or len(manifest.chain) > CHAIN_LENGTH:
            raise ObjectInvalid(kind="manifest", reason="`repository` or `chain` has a wrong length")
        if len({pack.id for pack in manifest.packs}) != len(manifest.packs):
            raise ObjectInvalid(kind="manifest", reason="a pack is named twice")
        return manifest

    def id(self) -> ObjectId:
        """The hash by which the next manifest names this one."""
        return hash_object(Kind.MANIFEST, self.encode())

    def next_chain(self) -> tuple[ObjectId, ...]:
        """The chain of the manifest that follows this one."""
        return (self.id(), *self.chain)[:CHAIN_LENGTH]


def contains(found: Manifest, earlier: Manifest) -> bool:
    """Whether a manifest is another one, or was made from it in at most `CHAIN_LENGTH` steps."""
    steps = found.generation - earlier.generation
    if steps == 0:
        return found.id() == earlier.id()
    return 0 < steps <= len(found.chain) and found.chain[steps - 1] == earlier.id()


def check_continues(seen: Manifest, found: Manifest, remote: str) -> None:
    """Check that a manifest follows one that was seen before.

    Raises:
        RemoteDiverged: if it belongs to another repository, is older, or comes from another line of writers.
    """
    if found.repository != seen.repository:
        raise RemoteDiverged(remote=remote, reason="it holds another repository than before")
    if found.generation < seen.generation:
        raise RemoteDiverged(
            remote=remote, reason=f"it is at generation {found.generation}, and {seen.generation} has been seen"
        )
    steps = found.generation - seen.generation
    # Beyond the chain's length a manifest is too far back to be named.
    if steps <= CHAIN_LENGTH and not contains(found, seen):
        raise RemoteDiverged(remote=remote, reason="its chain of manifests does not lead back to the one seen before")


def _ref(name: str) -> str:
    try:
        return check_ref(name)
    except UnsafeName:
        raise ObjectInvalid(kind="manifest", reason="a ref has an impossible name") from None


def _id(name: str, value: Value) -> ObjectId:
    if type(value) is not bytes or len(value) != ID_SIZE:
        raise ObjectInvalid(kind="manifest", reason=f"`{name}` is not an id")
    return ObjectId(value)


def _pack(entry: dict[str, Value]) -> PackEntry:
    fields = Fields(Kind.MANIFEST, entry)
    kind = fields.integer("class")
    pack_id, size = fields.id("id"), fields.integer("size", minimum=1)
    objects = fields.integer("objects", minimum=0)
    origin = fields.text("origin", default="")
    fields.done()
    if kind not in {*PackClass} or size > MAX_PACK:
        raise ObjectInvalid(kind="manifest", reason=f"pack {pack_id.short} is of an unknown class or too large")
    return PackEntry(pack_id, size, PackClass(kind), objects, origin)
