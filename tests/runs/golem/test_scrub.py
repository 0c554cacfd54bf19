"""Taking secrets out of streams and files, wherever pieces are cut."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.runs.golem import scrub
from sovrgit.runs.golem.scrub import Scrubber

SECRET = "abacabad"
LETTERS = st.text("abcd", max_size=40).map(str.encode)


@given(st.lists(LETTERS | st.just(SECRET.encode()), max_size=8), st.data())
def test_pieces_of_a_stream(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    scrubber, passed, left = Scrubber([SECRET]), b"", whole
    while left:
        cut = data.draw(st.integers(1, len(left)))
        piece, left = left[:cut], left[cut:]
        passed += scrubber.feed("stdout", piece)
    passed += scrubber.rest().get("stdout", b"")
    assert passed == whole.replace(SECRET.encode(), b"*" * len(SECRET))


@given(parts=st.lists(LETTERS | st.just(SECRET.encode()), max_size=8), piece=st.integers(1, 20))
def test_files(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], piece: int) -> None:
    folder = tmp_path_factory.mktemp("scrub")
    whole = b"".join(parts)
    (folder / "in").mkdir()
    (folder / "in" / "file").write_bytes(whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scrub, "_PIECE", piece)
        found = Scrubber([SECRET]).folder(folder / "in", folder)
    clean = whole.replace(SECRET.encode(), b"*" * len(SECRET))
    assert (folder / "in" / "file").read_bytes() == clean and bool(found) == (clean != whole)
    assert [entry.name for entry in folder.iterdir()] == ["in"]


def test_streams_are_kept_apart() -> None:
    scrubber = Scrubber(["secret"])
    assert scrubber.feed("stdout", b"sec") == b"" and scrubber.feed("stderr", b"ret") == b"ret"
    assert scrubber.feed("stdout", b"ret!") == b"******!" and scrubber.rest() == {}


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    assert Scrubber(["abc", "abcdef"]).text("abcdef abc") == "****** ***"


def test_what_is_not_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    os.link(outside, folder / "same")
    os.mkfifo(folder / "pipe")
    (folder / "program").write_text("#!/bin/sh\necho secret\n")
    (folder / "program").chmod(0o755)
    before = (folder / "empty").write_text("")
    assert before == 0
    found = Scrubber(["secret"]).folder(folder, tmp_path)
    assert sorted(path.name for path in found) == ["program", "same"]
    assert outside.read_text() == "secret" and (folder / "link").is_symlink()
    assert (folder / "same").read_text() == "******" and (folder / "program").stat().st_mode & 0o777 == 0o755


def test_without_secrets_nothing_is_held_back() -> None:
    scrubber = Scrubber(["", ""])
    assert scrubber.feed("stdout", b"text") == b"text" and scrubber.text("text") == "text"
