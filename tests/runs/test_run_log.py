"""The captured log: its form, and that every byte comes back."""

from __future__ import annotations

import io
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import ObjectInvalid
from sovrgit.runs import log
from sovrgit.runs.executor import Stream
from sovrgit.runs.log import HEADER, LogLine, LogWriter, plain, read_log

SECOND = 1_000_000_000
MORNING = 1_795_422_051 * SECOND + 123_456_789  # 2026-11-23T08:20:51.123456789Z

Chunk = tuple[Stream, bytes]
DATA = st.one_of(st.binary(max_size=40), st.text("ab\n\r", max_size=40).map(str.encode))
CHUNKS: st.SearchStrategy[list[Chunk]] = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), DATA))


def written(chunks: list[Chunk], *, limit: int = log.MAX_SIZE, step: int = SECOND) -> bytes:
    file = io.BytesIO()
    writer = LogWriter(file, limit=limit)
    for number, (stream, data) in enumerate(chunks):
        writer.write(stream, data, MORNING + number * step)
    writer.close()
    return file.getvalue()


def lines(data: bytes) -> list[LogLine]:
    return list(read_log(io.BytesIO(data)))


def test_form() -> None:
    data = written([("stdout", b"one\ntw"), ("stderr", b"oh\xff\n\n"), ("stdout", b"o\nthree")])
    assert data == (
        b"# sovr log 1\n"
        b"2026-11-23T08:20:51.123Z O one\n"
        b"2026-11-23T08:20:52.123Z E oh\xff\n"
        b"2026-11-23T08:20:52.123Z E \n"
        b"2026-11-23T08:20:51.123Z O two\n"
        b"2026-11-23T08:20:53.123Z O+ three\n"
    )


def test_lines_have_times_in_milliseconds() -> None:
    (line,) = lines(written([("stderr", b"x")]))
    assert line == LogLine(MORNING // 1_000_000 * 1_000_000, "stderr", b"x", False)


def test_each_piece_of_a_long_line_is_bounded() -> None:
    text = b"x" * (3 * log.MAX_TEXT)
    data = written([("stdout", text[:100]), ("stdout", text[100:] + b"\n")])
    assert [(len(line.text), line.complete) for line in lines(data)] == [
        (log.MAX_TEXT, False),
        (log.MAX_TEXT, False),
        (log.MAX_TEXT, True),
    ]


def test_finished_lines_are_in_the_file_before_the_end() -> None:
    file = io.BytesIO()
    LogWriter(file).write("stdout", b"done\nnot", MORNING)
    assert b"".join(plain(lines(file.getvalue()))) == b"done\n"


def test_plain_keeps_the_order_of_the_log() -> None:
    data = written([("stdout", b"a\n"), ("stderr", b"b\n"), ("stdout", b"c\n")])
    assert b"".join(plain(lines(data))) == b"a\nb\nc\n"


def test_notes_are_apart_from_the_output() -> None:
    file = io.BytesIO()
    writer = LogWriter(file)
    writer.write("stdout", b"half", MORNING)
    writer.note("a note\nof two lines", MORNING)
    writer.write("stdout", b" and half", MORNING)
    writer.close()
    found = lines(file.getvalue())
    assert [(line.stream, line.text) for line in found] == [
        ("stdout", b"half"),
        ("note", b"a note of two lines"),
        ("stdout", b" and half"),
    ]
    assert b"".join(plain(found)) == b"half and half"


@given(CHUNKS)
def test_every_byte_comes_back(chunks: list[Chunk]) -> None:
    with mock.patch.object(log, "MAX_TEXT", 8):
        found = lines(written(chunks))
    for stream in ("stdout", "stderr"):
        assert b"".join(plain(found, stream)) == b"".join(data for name, data in chunks if name == stream)


@given(CHUNKS, st.integers(len(HEADER), 400))
def test_over_the_limit_output_is_counted(chunks: list[Chunk], limit: int) -> None:
    with mock.patch.object(log, "MAX_TEXT", 8):
        data = written(chunks, limit=limit)
    # The notes themselves are longer than the MAX_TEXT of this test, and are cut; read their counts at full length.
    full = written(chunks, limit=limit)
    for kept in (data, full):
        found = lines(kept)
        assert sum(len(line) for line in kept.splitlines(keepends=True) if b" N " not in line[:27]) <= limit
        for stream in ("stdout", "stderr"):
            original = b"".join(data for name, data in chunks if name == stream)
            assert original.startswith(b"".join(plain(found, stream)))
    notes = [line.text.decode() for line in lines(full) if line.stream == "note"]
    missing = {
        stream: sum(len(data) for name, data in chunks if name == stream) - len(b"".join(plain(lines(full), stream)))
        for stream in ("stdout", "stderr")
    }
    if any(missing.values()):
        assert notes == [
            f"the log has reached its limit of {limit} bytes: output is no longer kept",
            f"not kept: {missing['stdout']} bytes of stdout and {missing['stderr']} bytes of stderr",
        ]
    else:
        assert notes == []


@given(CHUNKS, st.data())
def test_a_log_cut_off_by_a_crash_is_read_as_far_as_it_goes(chunks: list[Chunk], data: st.DataObject) -> None:
    whole = written(chunks)
    cut = data.draw(st.integers(len(HEADER), len(whole)))
    found = lines(whole[:cut])
    for stream in ("stdout", "stderr"):
        original = b"".join(data for name, data in chunks if name == stream)
        assert original.startswith(b"".join(plain(found, stream)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "begin"),
        (b"hello\n", "begin"),
        (b"# sovr log 2\n", "begin"),
        (HEADER + b"yesterday O text\n", "line 2 has no time"),
        (HEADER + b"2026-11-23T08:20:51+00:00 O text\n", "line 2 has no time"),
        (HEADER + b"2026-11-23T08:20:51.123Z X text\n", "line 2 names no stream"),
        (HEADER + b"2026-11-23T08:20:51.123Z O\n", "line 2 names no stream"),
        (HEADER + b"2026-11-23T08:20:51.123Z O text\n\n", "line 3 names no stream"),
        (HEADER + b"2026-11-23T08:20:51.123Z O " + b"x" * 100_000, "line 2 is too long"),
    ],
)
def test_what_is_no_log_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ObjectInvalid, match=reason):
        lines(data)
