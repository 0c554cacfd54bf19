"""What a call answers, in the forms that FairOS has."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sovrgit.devnet.fairos.blobs import Blob
from sovrgit.devnet.fairos.causes import NO_SUCH_BLOB
from sovrgit.devnet.fairos.gotext import SNIFFED, content_type
from sovrgit.devnet.fairos.metadata import FileMeta, compact

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file as a body.

    Attributes:
        source: where they are: a file, or the bytes themselves.
        size: what `Content-Length` says.
        there: how many bytes there are; if they are fewer, the connection is closed after them.
        before: what is sent in the place of the first bytes.
        after: what is sent in the place of the bytes that are missing.
        reset: whether the connection is then reset instead.
        every: seconds before each byte, if they come one by one.
    """

    source: Path | bytes
    size: int
    there: int
    before: bytes = b""
    after: bytes = b""
    reset: bool = False
    every: float = 0.0

    def start(self, count: int) -> bytes:
        """The first bytes, at most as many as there are."""
        count = min(count, self.there)
        if isinstance(self.source, bytes):
            return self.source[:count]
        with self.source.open("rb") as file:
            return file.read(count)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and headers beyond those that are always there."""

    status: int = HTTPStatus.OK
    body: bytes | Content = b""
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def content(self) -> Content:
        """The body, in the one form."""
        return self.body if isinstance(self.body, Content) else Content(self.body, len(self.body), len(self.body))


class Refused(Exception):
    """A call that is answered with an error."""

    def __init__(self, status: int, message: str, *, with_code: bool = False) -> None:
        self.status = status
        self.message = message
        self.with_code = with_code
        super().__init__(status, message)

    def answer(self) -> Answer:
        """The answer: of the form with `code`, or of the one without."""
        return failed(self.status, self.message, with_code=self.with_code)


def told(document: dict[str, Any], status: int = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A JSON document as the server writes it: one line, and one more line end."""
    return Answer(status, compact(document) + b"\n\n", JSON, headers)


def done(message: str, status: int = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Nothing but a message."""
    return told({"message": message}, status, headers)


def failed(status: int, message: str, *, with_code: bool = False) -> Answer:
    """An error. The two forms are those of the server, and nothing follows from which one it is."""
    return told({"message": message, "code": status} if with_code else {"message": message}, status)


def plain(text: str, status: int = HTTPStatus.OK) -> Answer:
    """A text."""
    return Answer(status, text.encode(), TEXT)


def sent(meta: FileMeta, blob: Blob, prefix: str, kind: str | None = None) -> Answer:
    """The bytes of a file; what is not there is told as late as the server does."""
    there = min(blob.size, meta.size)
    after = b""
    if blob.lost is not None:
        there = min(there, blob.lost * meta.block_size)
        if not blob.quiet:
            error = failed(HTTPStatus.INTERNAL_SERVER_ERROR, f"{prefix}: {NO_SUCH_BLOB}", with_code=True)
            assert isinstance(error.body, bytes)
            # What does not fit into the announced length is not sent at all.
            after = error.body if there + len(error.body) <= meta.size else b""
            if not there:
                return Answer(error.status, Content(blob.path, meta.size, 0, after=after), JSON)
    content = Content(blob.path, meta.size, there, after=after)
    if kind is None and there:
        kind = content_type(content.start(SNIFFED))
    return Answer(HTTPStatus.OK, content, kind)
