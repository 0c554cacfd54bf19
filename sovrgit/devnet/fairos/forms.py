"""Forms in the body of a request: fields in memory, files on disk, whatever their size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sovrgit.devnet.body import BadBody, Body
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.paths import base
from sovrgit.store.files import write_all

FILES = "files"
"""The name of the parts that are kept. Others are read and dropped."""

LARGEST_FIELDS = 10 << 20
"""Bytes of all fields of a form together."""

MOST_PARTS = 1000
LONGEST_HEADER = 64 << 10


class Received(NamedTuple):
    """A file of a form: its name, which is the last part of what was given, and where its bytes are for now."""

    name: str
    path: Path


@dataclass(slots=True)
class Form:
    """What a form holds. `problem` is why it could not be read as one, in the words of the server."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Received] = field(default_factory=list)
    problem: str = ""


@contextlib.contextmanager
def read_form(network: Network, body: Body, kind: str) -> Iterator[Form]:
    """Read a form. Its files are removed at the end of the block, unless they were stored.

    A form that is malformed or cut off has no fields at all.

    Args:
        kind: the `Content-Type` of the request.
    """
    with contextlib.ExitStack() as stack:
        name, options = parse_options_header(kind)
        form = Form()
        if name == b"application/x-www-form-urlencoded":
            form.problem = "request Content-Type isn't multipart/form-data"
            with contextlib.suppress(BadBody, ValueError):
                pairs = parse_qsl(body.whole(LARGEST_FIELDS).decode("utf-8", "replace"), keep_blank_values=True)
                for key, value in reversed(pairs):
                    form.fields[key] = value
        elif name != b"multipart/form-data":
            form.problem = "request Content-Type isn't multipart/form-data"
        elif not options.get(b"boundary"):
            form.problem = "no multipart boundary param in Content-Type"
        else:
            parts = _Parts(network, stack, form)
            try:
                parts.read(body, options[b"boundary"])
            except (FormParserError, BadBody, _Refused) as error:
                form = Form(problem=str(error) if isinstance(error, _Refused) else "multipart: NextPart: EOF")
            finally:
                parts.close()
        yield form


class _Refused(Exception):
    """A form that is too large, or not complete."""


class _Parts:
    """What the parser calls."""

    def __init__(self, network: Network, stack: contextlib.ExitStack, form: Form) -> None:
        self._network = network
        self._stack = stack
        self._form = form
        self._headers: dict[bytes, bytes] = {}
        self._header = [b"", b""]
        self._name = ""
        self._value: bytearray | None = None
        self._descriptor = -1
        self._parts = 0
        self._size = 0
        self._complete = False

    def read(self, body: Body, boundary: bytes) -> None:
        """Read all parts.

        Raises:
            FormParserError, BadBody, _Refused: if that is not possible.
        """
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
            max_header_size=LONGEST_HEADER,
        )
        for piece in body.pieces():
            parser.write(piece)
        if not self._complete:
            raise _Refused("multipart: NextPart: EOF")

    def close(self) -> None:
        """Close the file that was being written, if reading broke off."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _Refused("multipart: message too large")
        self._headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(disposition)
        self._name = _text(options.get(b"name", b""))
        file_name = _text(options.get(b"filename", b""))
        self._value = None
        if not file_name:
            self._value = bytearray()
        elif self._name == FILES:
            path = self._stack.enter_context(self._network.blobs.incoming())
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._form.files.append(Received(base(file_name), path))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._descriptor >= 0:
            write_all(self._descriptor, memoryview(data)[start:end])
        elif self._value is not None:
            self._size += end - start
            if self._size > LARGEST_FIELDS:
                raise _Refused("multipart: message too large")
            self._value += data[start:end]

    def _end(self) -> None:
        self.close()
        if self._value is not None and self._name:
            self._form.fields.setdefault(self._name, _text(bytes(self._value)))

    def _all(self) -> None:
        self._complete = True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
