"""The small things that Go's libraries do their own way."""

from __future__ import annotations

import pytest

from sovrgit.devnet.fairos.causes import Cause
from sovrgit.devnet.fairos.gotext import boolean, content_type, quoted, size_of, type_by_extension, unhex
from sovrgit.devnet.fairos.paths import base, cleaned, joined, parent


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000000", 10**6),
        ("1Mb", 10**6),
        ("1 MB", 10**6),
        ("1m", 10**6),
        ("1MiB", 1 << 20),
        ("1mi", 1 << 20),
        ("1.5Mb", 1_500_000),
        ("1,000,000", 10**6),
        ("8k", 8000),
        ("0", 0),
        ("4295967296", 10**6),
        ("1GiB", 1 << 30),
        ("4GiB", 0),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("Mb", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("-1", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("1.2.3", 'strconv.ParseFloat: parsing "1.2.3": invalid syntax'),
        ("1 parsec", "unhandled size name: parsec"),
        ("99EB", "too large: 99EB"),
    ],
)
def test_what_is_no_size(text: str, said: str) -> None:
    with pytest.raises(Cause) as caught:
        size_of(text)
    assert caught.value.message == said


def test_truth_values() -> None:
    assert [boolean(text) for text in ("1", "t", "T", "TRUE", "true", "True")] == [True] * 6
    assert [boolean(text) for text in ("0", "f", "F", "FALSE", "false", "False")] == [False] * 6
    assert [boolean(text) for text in ("", "yes", "tRUE", "2")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [("box", '"box"'), ('a"b\\', '"a\\"b\\\\"'), ("a\nb\x01", '"a\\nb\\x01"'), ("ö", '"ö"'), ("\u200b", '"\\u200b"')],
)
def test_quoted_texts(text: str, shown: str) -> None:
    assert quoted(text) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "encoding/hex: odd length hex string"),
        ("no", "encoding/hex: invalid byte: U+006E 'n'"),
        ("0\n", "encoding/hex: invalid byte: U+000A '\\x0a'"),
        ("ö", "encoding/hex: invalid byte: U+00C3 'Ã'"),
    ],
)
def test_what_is_not_hexadecimal(text: str, said: str) -> None:
    assert unhex("00fF") == b"\x00\xff"
    with pytest.raises(Cause) as caught:
        unhex(text)
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", "text/plain; charset=utf-8"),
        (b"plain \xc3\xbc \xff", "text/plain; charset=utf-8"),
        (b"\x00", "application/octet-stream"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1f\x8b\x08", "application/x-gzip"),
        (b"%PDF-1.7", "application/pdf"),
        (b"  <!DOCTYPE html>", "text/html; charset=utf-8"),
        (b"<htmlx", "text/plain; charset=utf-8"),
        (b"<?xml ?>", "text/xml; charset=utf-8"),
        (b"x" * 512 + b"\x00", "text/plain; charset=utf-8"),
    ],
)
def test_types_of_content(start: bytes, kind: str) -> None:
    assert content_type(start) == kind


def test_types_by_name() -> None:
    names = ("/a/recipe.json", "/index.HTML", "/a.b/none", "/none", "/x.unknown")
    assert [type_by_extension(name) for name in names] == ["application/json", "text/html; charset=utf-8", "", "", ""]


def test_paths() -> None:
    assert [joined(*pair) for pair in (("/", "a"), ("", "a"), ("/d", "/a"), ("d", "a"), ("/d/", "a"), ("/", "/"))] == [
        "/a",
        "/a",
        "/d/a",
        "/d/a",
        "/d//a",
        "/",
    ]
    assert [joined(path, "") for path in ("/", "", "/d", "d/")] == ["/", "/", "/d", "d/"]
    assert [parent(path) for path in ("/a/b", "/a", "/", "a", "/a/b/", "/a//b", "")] == [
        "/a",
        "/",
        "/",
        ".",
        "/a/b",
        "/a",
        ".",
    ]
    assert [base(path) for path in ("/a/b", "/a", "/", "a", "/a/b/", "")] == ["b", "a", "/", "a", "b", "."]
    assert [cleaned(path) for path in ("//a", "/a/../b", "/..", "", "a/./b")] == ["/a", "/b", "/", ".", "a/b"]
