"""Hunks: they apply, and look like Git's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovrgit.pod import textdiff
from sovrgit.pod.textdiff import Hunk, Line, compare, is_binary, unified

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

lines = st.sampled_from([b"a", b"b", b"  c", b"def f():", b"", b"}", b"d\r", b"\xff\xfe"])
contents = st.builds(
    lambda items, end: b"\n".join(items) + end, st.lists(lines, max_size=25), st.sampled_from([b"", b"\n"])
)


def apply(old: bytes, hunks: list[Hunk]) -> bytes:
    """What `patch` does, with every context and removed line checked."""
    source = re.findall(rb"[^\n]*\n|[^\n]+", old)
    result: list[bytes] = []
    place = 0
    for hunk in hunks:
        start = hunk.old_start - (hunk.old_lines > 0)
        result += source[place:start]
        place = start
        assert hunk.new_start == len(result) + (hunk.new_lines > 0)
        before = len(result)
        for tag, content in hunk.lines:
            if tag != b"+":
                assert source[place] == content
                place += 1
            if tag != b"-":
                result.append(content)
        assert place - start == hunk.old_lines
        assert len(result) - before == hunk.new_lines
    return b"".join(result + source[place:])


def git_diff(folder: Path, old: bytes, new: bytes, *options: str) -> list[bytes]:
    """The hunks of `git diff --no-index`, as lines."""
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    command = ["git", "diff", "--no-index", "--no-color", "--text", *options, "old", "new"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    output = result.stdout.split(b"\n")[:-1]
    headers = [number for number, line in enumerate(output) if line.startswith(b"@@")]
    return output[headers[0] :] if headers else []


def as_lines(hunks: list[Hunk]) -> list[bytes]:
    def numbers(start: int, count: int) -> bytes:
        return b"%d" % start if count == 1 else b"%d,%d" % (start, count)

    result = []
    for hunk in hunks:
        old, new = numbers(hunk.old_start, hunk.old_lines), numbers(hunk.new_start, hunk.new_lines)
        heading = b" " + hunk.heading if hunk.heading else b""
        result.append(b"@@ -%b +%b @@%b" % (old, new, heading))
        for tag, content in hunk.lines:
            result.append(tag + content.removesuffix(b"\n"))
            if not content.endswith(b"\n"):
                result.append(b"\\ No newline at end of file")
    return result


@given(contents, contents, st.integers(0, 4))
def test_hunks_turn_old_into_new(old: bytes, new: bytes, context: int) -> None:
    hunks = unified(old, new, context=context)
    assert apply(old, hunks) == new
    assert (hunks == []) == (old == new)


@given(contents, contents, st.integers(0, 3))
def test_cutting_off_common_ends_changes_nothing(old: bytes, new: bytes, context: int) -> None:
    """Long common ends are cut off before lines are made; the same edit inside of them gives the same lines."""
    start, end = b"1\n2\n" * 150, b"\n8\n9\n" * 150
    hunks = unified(start + old + end, start + new + end, context=context)
    assert apply(start + old + end, hunks) == start + new + end
    assert sum(line.tag != b" " for hunk in hunks for line in hunk.lines) <= old.count(b"\n") + new.count(b"\n") + 2


@needs_git
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), context=st.integers(0, 4))
def test_edits_of_distinct_lines_give_what_git_gives(tmp_path: Path, data: st.DataObject, context: int) -> None:
    """Where there is one best alignment, every byte is Git's: numbers, headings, context, missing line feeds."""
    count = data.draw(st.integers(1, 60))
    indents = data.draw(st.lists(st.sampled_from([b"", b"  ", b"_", b"9"]), min_size=count, max_size=count))
    old_lines = [b"%bline %d" % (indent, number) for number, indent in enumerate(indents)]
    new_lines = []
    for number, line in enumerate(old_lines):
        edit = data.draw(st.sampled_from(["keep"] * 8 + ["drop", "change", "insert"]))
        if edit != "drop":
            new_lines.append(b"changed %d" % number if edit == "change" else line)
        if edit == "insert":
            new_lines.append(b"inserted %d" % number)
    old = b"\n".join(old_lines) + data.draw(st.sampled_from([b"", b"\n"]))
    new = b"\n".join(new_lines) + data.draw(st.sampled_from([b"", b"\n"]))
    assert as_lines(unified(old, new, context=context)) == git_diff(tmp_path, old, new, f"-U{context}")


# The same examples every time: how near we come is a matter of experience. A line that is unique holds the others in
# place here, which can cost a few lines more than in the example that hypothesis would find one day.
@needs_git
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(old=contents, new=contents)
def test_repeated_lines_give_about_what_git_gives(tmp_path: Path, old: bytes, new: bytes) -> None:
    git = git_diff(tmp_path, old, new, "--minimal")
    fewest = sum(line[:1] in (b"-", b"+") for line in git)
    hunks = unified(old, new)
    ours = sum(line.tag in (b"-", b"+") for hunk in hunks for line in hunk.lines)
    assert fewest <= ours <= fewest * 1.5 + 4
    assert abs(len(hunks) - sum(line.startswith(b"@@") for line in git)) <= 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, b"a\n", Hunk(0, 0, 1, 1, (Line(b"+", b"a\n"),))),
        (b"a\n", None, Hunk(1, 1, 0, 0, (Line(b"-", b"a\n"),))),
        (b"a", b"a\n", Hunk(1, 1, 1, 1, (Line(b"-", b"a"), Line(b"+", b"a\n")))),
        (b"a\r\n", b"a\n", Hunk(1, 1, 1, 1, (Line(b"-", b"a\r\n"), Line(b"+", b"a\n")))),
    ],
)
def test_ends_of_files_and_lines(old: bytes | None, new: bytes | None, expected: Hunk) -> None:
    assert unified(old, new) == [expected]


def test_nothing_and_an_empty_file_are_equal_contents() -> None:
    assert unified(None, b"") == []
    assert compare(None, b"").old_size is None


@pytest.mark.parametrize(("gap", "hunks"), [(6, 1), (7, 2)])
def test_changes_share_a_hunk_up_to_twice_the_context(gap: int, hunks: int) -> None:
    between = b"".join(b"%d\n" % number for number in range(gap))
    assert len(unified(b"a\n" + between + b"b\n", b"A\n" + between + b"B\n", context=3)) == hunks


def test_heading_is_found_far_above_the_change() -> None:
    body = b"".join(b"  %d\n" % number for number in range(1000))
    hunk = unified(b"def far():\n" + body + b"  old\n", b"def far():\n" + body + b"  new\n")[0]
    assert hunk.heading == b"def far():"


def test_an_inserted_function_is_shown_whole() -> None:
    function = b"def %b():\n    return 1\n\n\n"
    old = function % b"a" + function % b"c"
    new = function % b"a" + function % b"b" + function % b"c"
    added = [line.content for line in unified(old, new)[0].lines if line.tag == b"+"]
    assert added == [b"def b():\n", b"    return 1\n", b"\n", b"\n"]


def test_an_inserted_block_in_braces_is_shown_whole() -> None:
    old, block = b"void a() {\n\tx();\n}\n", b"\nvoid b() {\n\tx();\n}\n"
    added = [line.content for line in unified(old, old + block)[0].lines if line.tag == b"+"]
    assert b"".join(added) == block


def test_few_changes_in_a_large_file_stay_few() -> None:
    rows = [b"%d,%d\n" % (number, number * number % 97) for number in range(60_000)]
    old = b"".join(rows)
    for place in (0, 20_000, 40_000, 59_999):
        rows[place] = b"changed\n"
    new = b"".join(rows)
    hunks = unified(old, new)
    assert sum(line.tag in (b"-", b"+") for hunk in hunks for line in hunk.lines) == 8
    assert [hunk.old_start for hunk in hunks] == [1, 19_998, 39_998, 59_997]
    assert apply(old, hunks) == new


def test_contents_without_order_degrade_to_large_hunks() -> None:
    old = b"".join(b"%d\n" % (number * number % 1009 % 10) for number in range(20_000))
    new = b"".join(b"%d\n" % (number * number % 2003 % 10) for number in range(20_000))
    assert apply(old, unified(old, new)) == new


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (b"", False),
        (b"text\r\n\x1b[31m", False),
        ("naïve".encode("latin-1"), False),
        ("中文".encode(), False),
        ("中文".encode("utf-16"), True),
        (b"a" * 7999 + b"\0", True),
        (b"a" * 8000 + b"\0", False),
        (bytes(range(128, 256)) + b"some text", True),
        ("é".encode() * 4000, False),
        (b"a" + "é".encode() * 4000, False),
    ],
)
def test_binary(sample: bytes, expected: bool) -> None:
    assert is_binary(sample) is expected


def test_binary_contents_have_no_hunks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(b"\0a", b"b") == (2, 1, True, ())
    monkeypatch.setattr(textdiff, "MAX_TEXT_SIZE", 3)
    assert compare(b"abcd", None) == (4, None, True, ())
    assert not compare(b"abc", None).binary
