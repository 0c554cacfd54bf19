"""Patches that Git applies byte for byte, tables as Git prints them, and no escape sequence on a terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.pod.jsondiff import json_changes
from sovrgit.pod.textdiff import unified
from sovrgit.ui.diffview import (
    StatRow,
    git_header,
    render_binary,
    render_json_changes,
    render_stat,
    render_unified,
    stat_summary,
)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
needs_patch = pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")

# Without the variables that Git sets for its hooks, so that the tests can run in one.
GIT_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}

lines = st.sampled_from(
    [b"a", b"b", b" c", b"--- a/x", b"+++ b/y", b"@@ -1 +1 @@", b"", b"d\r", b"\xff\x1b[31m", b"\\ "]
)
contents = st.builds(
    lambda items, end: b"\n".join(items) + end, st.lists(lines, max_size=15), st.sampled_from([b"", b"\n", b"\r\n"])
)
names = st.sampled_from(["x", "a b", 'q"uote', "back\\slash", "tab\tname", "ünï", "dir/z", "\udcff", "new\nline", "-n"])


def written(rendered: Iterable[str]) -> bytes:
    """What the printer of a command writes."""
    return "".join(line + "\n" for line in rendered).encode("utf-8", "surrogateescape")


def git(folder: Path, *arguments: str, given_input: bytes = b"") -> bytes:
    result = subprocess.run(
        ["git", *arguments], cwd=folder, env=GIT_ENVIRONMENT, input=given_input, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def put(folder: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def painted(text: str) -> list[tuple[str, str]]:
    """Every character with its style; the styles of white space are not seen."""
    result = []
    style = ""
    for sequence, character in re.findall(r"\x1b\[(\d*)m|([^\x1b])", text):
        if character:
            result.append((character, "" if character.isspace() else style))
        else:
            style = sequence
    return result


@needs_git
@settings(max_examples=40, deadline=None)
@given(old=st.none() | contents, new=st.none() | contents, name=names, header=st.booleans(), context=st.integers(1, 3))
def test_git_applies_what_is_rendered(
    old: bytes | None, new: bytes | None, name: str, header: bool, context: int
) -> None:
    if old == new:
        return
    old_label, new_label = name if old is not None else None, name if new is not None else None
    hunks = unified(old, new, context=context)
    header_lines: list[str] = []
    if header or not hunks:
        header_lines = git_header(old_label, new_label, old_mode="100644", new_mode="100644")
    patch = written(render_unified(old_label, new_label, hunks, header_lines=header_lines, colour=False))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        put(folder, name, old)
        git(folder, "apply", "--whitespace=nowarn", given_input=patch)
        assert state(folder) == ({} if new is None else {name: new})


@needs_patch
@settings(max_examples=20, deadline=None)
@given(old=contents, new=contents, name=st.sampled_from(["x", "a b", 'q"uote', "ünï"]))
def test_patch_applies_what_is_rendered(old: bytes, new: bytes, name: str) -> None:
    if old == new or not new:
        return
    patch = written(render_unified(name, name, unified(old, new), colour=False))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        put(folder, name, old)
        command = ["patch", "-p1", "--binary", "--no-backup-if-mismatch", "-s"]
        subprocess.run(command, cwd=folder, input=patch, capture_output=True, check=True)
        assert state(folder) == {name: new}


@needs_git
def test_git_applies_renames_and_modes(tmp_path: Path) -> None:
    put(tmp_path, "old name", b"a\nb\n")
    header = git_header("old name", "bin/néw", old_mode="100644", new_mode="100755")
    patch = render_unified("old name", "bin/néw", unified(b"a\nb\n", b"a\nc\n"), header_lines=header, colour=False)
    git(tmp_path, "apply", given_input=written(patch))
    assert state(tmp_path) == {"bin/néw": b"a\nc\n"}
    assert (tmp_path / "bin/néw").stat().st_mode & 0o100


@needs_git
@pytest.mark.parametrize("name", ["x", "a b", 'q"uote', "ünï", "a\tb c", "\udcff"])
def test_a_patch_is_what_git_prints(tmp_path: Path, name: str) -> None:
    old, new = b"def a():\n" + b"  1\n" * 9 + b"end", b"def a():\n" + b"  1\n" * 8 + b"  2\nend\n"
    put(tmp_path, name, old)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    put(tmp_path, name, new)
    header = git_header(name, name, old_mode="100644", new_mode="100644")
    hunks = unified(old, new)
    for option, colour in (("never", False), ("always", True)):
        printed = git(tmp_path, "diff", f"--color={option}").decode("utf-8", "surrogateescape")
        # Git's ids are not ours, so the `index` line is left out.
        expected = re.sub(r"(?m)^(\x1b\[1m)?index .*\n", "", printed)
        rendered = render_unified(name, name, hunks, header_lines=header, colour=colour, terminal=False)
        assert painted("".join(line + "\n" for line in rendered)) == painted(expected)


@needs_git
@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_stat_is_what_git_prints(tmp_path: Path, width: int) -> None:
    files = {
        "a": (0, 1),
        "b/only-removed": (2, 0),
        "some/rather/long/path/of/a/file/in/a/deep/folder.txt": (30, 70),
        "no-slash-but-a-name-that-is-far-too-long-for-a-narrow-terminal-window": (1, 300),
        "same": (7, 7),
        "wide-中文-" + "中" * 20: (3, 4),
    }
    git(tmp_path, "init", "-q")
    for name, (removed, _) in files.items():
        put(tmp_path, name, b"kept\n" + b"old\n" * removed)
    git(tmp_path, "add", ".")
    for name, (_, added) in files.items():
        put(tmp_path, name, b"kept\n" + b"new\n" * added)
    rows = [StatRow(name, added, removed) for name, (removed, added) in sorted(files.items())]
    ascii_rows = [row for row in rows if row.path.isascii()]
    expected = git(tmp_path, "diff", f"--stat={width}", "--", *[row.path for row in ascii_rows]).decode()
    assert written(render_stat(ascii_rows, width, colour=False)).decode() == expected
    coloured = git(tmp_path, "diff", f"--stat={width}", "--color", "--", *[row.path for row in ascii_rows]).decode()
    assert written(render_stat(ascii_rows, width, colour=True)).decode() == coloured


def test_stat_of_binary_files() -> None:
    rows = [StatRow("data.bin", 0, 0, (12_595, 14 * 1024)), StatRow("x", 1, 1), StatRow("mode", 0, 0)]
    assert list(render_stat(rows, colour=False)) == [
        " data.bin | Bin 12.3 KiB -> 14 KiB",
        " x        |   2 +-",
        " mode     |   0",
        " 3 files changed, 1 insertion(+), 1 deletion(-)",
    ]
    assert list(render_stat([], colour=False)) == []


def test_stat_counts_columns_of_wide_names() -> None:
    rendered = list(render_stat([StatRow("中" * 30, 1, 0), StatRow("a", 1, 0)], 40, colour=False))
    assert rendered[0].startswith(" ...中")
    assert rendered[0].index("|") + rendered[0].count("中") <= rendered[1].index("|")


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((1, 1, 0), " 1 file changed, 1 insertion(+)"),
        ((2, 0, 3), " 2 files changed, 3 deletions(-)"),
        ((2, 0, 0), " 2 files changed, 0 insertions(+), 0 deletions(-)"),
    ],
)
def test_stat_summary(counts: tuple[int, int, int], text: str) -> None:
    assert stat_summary(*counts) == text


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (("x", 12_595), ("x", 14 * 1024), "binary file x changed: 12.3 KiB -> 14 KiB"),
        ((None, None), ("x", 3), "binary file x added: 3 B"),
        (("x", 3), (None, None), "binary file x deleted: 3 B"),
        (("x", 3), ("y\x1b", None), 'binary file x -> "y\\033" changed: 3 B -> unknown size'),
    ],
)
def test_binary(old: tuple[str | None, int | None], new: tuple[str | None, int | None], text: str) -> None:
    assert render_binary(old[0], new[0], old[1], new[1], colour=False) == text
    assert render_binary(old[0], new[0], old[1], new[1], colour=True) == f"\x1b[1m{text}\x1b[m"


@given(contents, contents, names, st.booleans())
def test_a_terminal_gets_no_foreign_escape_sequence(old: bytes, new: bytes, name: str, colour: bool) -> None:
    hunks = unified(b"\x1b]0;title\x07\n" + old, b"\x9b31m\xc2\x9b\n" + new)
    header = git_header(name, name + "\x1b", old_mode="100644", new_mode="100755")
    rendered = "\n".join(
        render_unified(name, name, hunks, header_lines=[*header, "\x1b[2J"], colour=colour, terminal=True)
    )
    rendered = re.sub(r"\x1b\[(1|31|32|36)?m", "", rendered) if colour else rendered
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]", rendered)


def test_colours() -> None:
    rendered = list(render_unified("x", None, unified(b"a\r\nb", None), header_lines=["head"], colour=True))
    assert rendered == [
        "\x1b[1mhead\x1b[m",
        "\x1b[1m--- a/x\x1b[m",
        "\x1b[1m+++ /dev/null\x1b[m",
        "\x1b[36m@@ -1,2 +0,0 @@\x1b[m",
        "\x1b[31m-a^M\x1b[m",
        "\x1b[31m-b\x1b[m",
        "\\ No newline at end of file",
    ]


def test_json_changes() -> None:
    changes = json_changes(b'{"a": 1, "b": [1], "c": "x"}', b'{"a": 1.0, "b": [1, {"k": null}], "d\\u001b": 2}')
    assert changes is not None
    assert list(render_json_changes(changes, colour=False)) == [
        "  ~ a: 1 -> 1.0 (same value, another type)",
        '  + b[1]: {"k":null}',
        '  - c: "x"',
        '  + ["d\\u001b"]: 2',
    ]
    assert list(render_json_changes(changes[:1], colour=True, indent="")) == [
        "\x1b[33m~\x1b[m a: \x1b[31m1\x1b[m -> \x1b[32m1.0\x1b[m (same value, another type)"
    ]


def test_long_json_values_are_cut_on_a_terminal_only() -> None:
    changes = json_changes(b"[]", b'["\xc2\x9b' + b"v" * 500 + b'"]')
    assert changes is not None
    assert len(next(render_json_changes(changes, colour=False))) > 500
    shown = next(render_json_changes(changes, colour=False, terminal=True))
    assert len(shown) < 230
    assert shown.startswith('  + [0]: "<U+009B>vv')
    assert shown.endswith("…")
