"""Tags: a lasting name for an object, with a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value, decode, encode
from sovrgit.objects.commit import Stamp, _stamp
from sovrgit.objects.ids import Kind, ObjectId, hash_object


@dataclass(frozen=True, slots=True)
class Tag:
    """An annotated tag. `kind` is the kind of the object it names."""

    name: str
    target: ObjectId
    kind: Kind
    tagger: Stamp
    message: str
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def encode(self) -> bytes:
        """The canonical bytes.

        Raises:
            ObjectInvalid: if a field has a value that cannot be encoded.
        """
        values = {
            **self.extra,
            "name": self.name,
            "target": self.target,
            "kind": self.kind,
            "tagger": self.tagger._asdict(),
            "message": self.message,
        }
        data = encode(values, kind=Kind.TAG)
        # What could not be read again is refused now, not when it is needed.
        Tag.decode(data)
        return data

    @classmethod
    def decode(cls, data: bytes) -> Tag:
        """The tag that `data` encodes.

        Raises:
            ObjectInvalid: if `data` is not a canonical tag.
        """
        fields = Fields(Kind.TAG, decode(data, kind=Kind.TAG))
        number = fields.integer("kind", minimum=1)
        if number not in {*Kind} or number > Kind.VERDICT:
            raise ObjectInvalid(kind="tag", reason=f"`kind` is {number}")
        return cls(
            name=fields.text("name"),
            target=fields.id("target"),
            kind=Kind(number),
            tagger=_stamp(fields.nested("tagger")),
            message=fields.text("message"),
            extra=fields.rest(),
        )

    def id(self) -> ObjectId:
        """The tag's id."""
        return hash_object(Kind.TAG, self.encode())
