"""Where inside a file two outputs are not the same: what a verdict points at."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value


class JsonPlace(NamedTuple):
    """A value in a JSON document, by its pointer (RFC 6901); an empty one is the whole document."""

    pointer: str


class TextPlace(NamedTuple):
    """A place in a text; line and column are counted from 1, columns in characters."""

    line: int
    column: int


class BytePlace(NamedTuple):
    """The offset of a byte, counted from 0."""

    offset: int


class PixelPlace(NamedTuple):
    """The smallest box around all pixels that differ too much, in pixels from the left and top of a picture.

    `frame` is counted from 1.
    """

    left: int
    top: int
    width: int
    height: int
    frame: int = 1


Place: TypeAlias = JsonPlace | TextPlace | BytePlace | PixelPlace


def place_fields(place: Place) -> dict[str, Value]:
    """A place as an object keeps it."""
    match place:
        case PixelPlace(left, top, width, height, frame):
            box: dict[str, Value] = {"box": [left, top, width, height]}
            return box if frame == 1 else {**box, "frame": frame}
        case _:
            return place._asdict()


def take_place(fields: Fields) -> Place:
    """The place that a map describes, which must have exactly the keys of one form.

    Raises:
        ObjectInvalid: if it has not.
    """
    place: Place
    if fields.has("pointer"):
        place = JsonPlace(fields.text("pointer"))
    elif fields.has("line"):
        place = TextPlace(fields.integer("line", minimum=1), fields.integer("column", minimum=1))
    elif fields.has("box"):
        sides: list[int] = fields.items("box", int)
        frame = fields.integer("frame", minimum=2) if fields.has("frame") else 1
        if len(sides) != 4 or min(sides[:2]) < 0 or min(sides[2:]) < 1:
            raise ObjectInvalid(kind="verdict", reason="`box` is not left, top, width and height")
        left, top, width, height = sides
        place = PixelPlace(left, top, width, height, frame)
    else:
        place = BytePlace(fields.integer("offset", minimum=0))
    fields.done()
    return place
