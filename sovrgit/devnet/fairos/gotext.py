"""Small things that Go's libraries do their own way: sizes, booleans, quoting, hexadecimal, types of content."""

from __future__ import annotations

import re

from sovrgit.devnet.fairos.causes import Cause

_UNITS = {"": 1, "b": 1} | {
    unit + suffix: factor ** (power + 1)
    for power, unit in enumerate("kmgtpe")
    for factor, suffixes in ((1000, ("", "b")), (1024, ("i", "ib")))
    for suffix in suffixes
}
_BOOLEANS = {
    text: value for value in (True, False) for text in (str(value), str(value).lower(), str(value).upper())
} | {
    "1": True,
    "t": True,
    "T": True,
    "0": False,
    "f": False,
    "F": False,
}
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xef\xbb\xbf", "text/plain; charset=utf-8"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"BM", "image/bmp"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
    (b"OggS\x00", "application/ogg"),
)
_TAGS = re.compile(
    rb"\s*<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[ >]", re.IGNORECASE
)
_BINARY = bytes({*range(0x20)} - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})
_EXTENSIONS = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".xml": "text/xml; charset=utf-8",
}

SNIFFED = 512
"""How many bytes of content its type is told from."""


def size_of(text: str) -> int:
    """The bytes that a size such as `1Mb` or `1.5 MiB` means, modulo 2**32 as the server takes it.

    Raises:
        Cause: if it means nothing.
    """
    digits = re.match(r"[\d.,]*", text)
    number = digits.group() if digits else ""
    unit = text[len(number) :].strip().lower()
    try:
        value = float(number.replace(",", ""))
    except ValueError:
        raise Cause(f'strconv.ParseFloat: parsing "{number}": invalid syntax') from None
    if unit not in _UNITS:
        raise Cause(f"unhandled size name: {unit}")
    value *= _UNITS[unit]
    if value >= 2**64:
        raise Cause(f"too large: {text}")
    return int(value) % 2**32


def boolean(text: str) -> bool | None:
    """The truth value that Go reads in a text, or None."""
    return _BOOLEANS.get(text)


def quoted(text: str) -> str:
    """A text in double quotes, as `%q` prints it."""
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f"}
    parts = [short.get(c) or (c if c.isprintable() else _escaped(c)) for c in text]
    return f'"{"".join(parts)}"'


def unhex(text: str) -> bytes:
    """The bytes of hexadecimal digits.

    Raises:
        Cause: in the words of Go.
    """
    for character in text:
        if character not in "0123456789abcdefABCDEF":
            first = character.encode("utf-8", "replace")[0]
            shown = chr(first) if chr(first).isprintable() else _escaped(chr(first))
            raise Cause(f"encoding/hex: invalid byte: U+{first:04X} '{shown}'")
    if len(text) % 2:
        raise Cause("encoding/hex: odd length hex string")
    return bytes.fromhex(text)


def content_type(start: bytes) -> str:
    """The type of content, told from its first bytes as `net/http` does, for the types one meets."""
    start = start[:SNIFFED]
    if _TAGS.match(start):
        return "text/html; charset=utf-8"
    if start.lstrip(b"\t\n\x0c\r ").startswith(b"<?xml"):
        return "text/xml; charset=utf-8"
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    binary = len(start.translate(None, _BINARY)) != len(start)
    return "application/octet-stream" if binary else "text/plain; charset=utf-8"


def type_by_extension(path: str) -> str:
    """The type of content that the end of a name stands for, or an empty text."""
    name = path.rpartition("/")[2]
    return _EXTENSIONS.get(name[name.rfind(".") :].lower(), "") if "." in name else ""


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
