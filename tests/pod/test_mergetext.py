"""Merging text: the answers of Git where it has one, and what must hold for every three texts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovrgit.pod.mergetext import Labels, can_merge, merge_text

LABELS = Labels("main", "side")
LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"]), max_size=12)


def text(lines: list[bytes]) -> bytes:
    return b"".join(lines)


def test_both_sides_are_brought_together() -> None:
    base = b"1\n2\n3\n4\n5\n"
    merged = merge_text(base, b"one\n2\n3\n4\n5\n", b"1\n2\n3\n4\nfive\n6\n", LABELS)
    assert merged == (b"one\n2\n3\n4\nfive\n6\n", 0)


def test_the_same_change_twice_is_one() -> None:
    assert merge_text(b"1\n2\n", b"1\nx\n", b"1\nx\n", LABELS) == (b"1\nx\n", 0)


def test_a_conflict_is_marked() -> None:
    merged = merge_text(b"1\n2\n3\n", b"1\nours\n3\n", b"1\ntheirs\n3\n", LABELS)
    assert merged == (b"1\n<<<<<<< main\nours\n=======\ntheirs\n>>>>>>> side\n3\n", 1)


def test_neighbouring_lines_are_a_conflict() -> None:
    assert merge_text(b"1\n2\n", b"x\n2\n", b"1\ny\n", LABELS).conflicts == 1


def test_what_is_alike_stands_outside_of_the_marks() -> None:
    merged = merge_text(b"1\n", b"same\nours\nend\n", b"same\ntheirs\nend\n", LABELS)
    assert merged == (b"same\n<<<<<<< main\nours\n=======\ntheirs\n>>>>>>> side\nend\n", 1)


def test_a_last_line_without_an_end_does_not_run_into_a_mark() -> None:
    merged = merge_text(b"1", b"2", b"3", LABELS)
    assert merged == (b"<<<<<<< main\n2\n=======\n3\n>>>>>>> side\n", 1)


def test_marks_have_the_line_ends_of_the_text() -> None:
    merged = merge_text(b"1\r\n", b"2\r\n", b"3\r\n", LABELS)
    assert merged.content == b"<<<<<<< main\r\n2\r\n=======\r\n3\r\n>>>>>>> side\r\n"


def test_marks_are_longer_than_what_looks_like_them() -> None:
    merged = merge_text(b"", b"=======\n", b"<<<<<<<<\n", LABELS)
    assert merged.content.startswith(b"<<<<<<<<< main\n") and b"\n=========\n" in merged.content


def test_what_can_be_merged() -> None:
    assert can_merge(b"a\n", b"", "ä".encode())
    assert not can_merge(b"a\n", b"\0")
    assert not can_merge(b"a" * (9 << 20))


@given(base=LINES, ours=LINES)
def test_one_side_alone_decides(base: list[bytes], ours: list[bytes]) -> None:
    for sides in ((ours, base), (base, ours), (ours, ours)):
        assert merge_text(text(base), *map(text, sides), LABELS) == (text(ours), 0)


@given(base=LINES, ours=LINES, theirs=LINES)
def test_the_order_of_the_sides_does_not_matter(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> None:
    one = merge_text(text(base), text(ours), text(theirs), LABELS)
    two = merge_text(text(base), text(theirs), text(ours), LABELS)
    assert one.conflicts == two.conflicts
    if not one.conflicts:
        assert one == two


@given(before=LINES, ours=LINES, between=st.integers(1, 4), theirs=LINES)
def test_changes_that_lie_apart_are_never_a_conflict(
    before: list[bytes], ours: list[bytes], between: int, theirs: list[bytes]
) -> None:
    middle = [f"middle {number}\n".encode() for number in range(between)]
    merged = merge_text(
        text([*before, *middle, *before]), text([*ours, *middle, *before]), text([*before, *middle, *theirs]), LABELS
    )
    assert merged == (text([*ours, *middle, *theirs]), 0)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_what_git_merges_is_merged_alike(tmp_path: Path, data: st.DataObject) -> None:
    # Lines of their own, so that there is only one alignment.
    base = [f"line {number}\n".encode() for number in range(data.draw(st.integers(0, 12)))]

    def edited(side: str) -> list[bytes]:
        lines = list(base)
        for number in sorted(data.draw(st.sets(st.integers(0, max(len(base) - 1, 0)), max_size=3)), reverse=True):
            what = data.draw(st.sampled_from(["change", "drop", "add"]))
            new = f"{side} {number}\n".encode()
            lines[number : number + (what != "add")] = [] if what == "drop" else [new]
        return lines

    ours, theirs = edited("ours"), edited("theirs")
    for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_bytes(text(lines))
    command = ["git", "merge-file", "-p", "-L", "main", "-L", "base", "-L", "side", "ours", "base", "theirs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    merged = merge_text(text(base), text(ours), text(theirs), LABELS)
    if done.returncode == 0:
        assert merged == (done.stdout, 0)
    else:
        assert merged.conflicts > 0
