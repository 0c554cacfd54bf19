"""`.sovrignore` means what `.gitignore` means: Git itself is asked."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sovrgit.pod.ignore import IgnoreRules

Rules = dict[str, bytes]

FOLDERS = ("a", "a/b", "a/b/e", "ab", "ab/b", "a b")
FILES = (
    *("a/b/c.o", "a/b/d", "a/b/e/a", "a/ab", "a/c.o", "a/.h", "a b/c", "b", "ab/a", "ab/b/a", "ab/é", "c.o", "d"),
    *("#x", "!x", "e ", "é", ".h", "[x]", "a\\b", "x\ny", "-"),
)
TREE = {**dict.fromkeys(FOLDERS, True), **dict.fromkeys(FILES, False)}


def ours(rules: Rules) -> set[str]:
    """What the rules leave out, asked as the scan asks: from the top, and nothing below what is left out."""
    left_out: set[str] = set()
    chain: dict[str, IgnoreRules | None] = {}
    for path in sorted(TREE, key=lambda path: path.count("/")):
        folder = path.rpartition("/")[0]
        if folder in left_out:
            left_out.add(path)
            continue
        found = _rules_in(folder, rules, chain)
        if found is not None and found.ignores(path, TREE[path]):
            assert found.may_ignore(folder, [path[len(folder) + bool(folder) :]])
            left_out.add(path)
    return left_out


def _rules_in(folder: str, rules: Rules, chain: dict[str, IgnoreRules | None]) -> IgnoreRules | None:
    if folder not in chain:
        above = _rules_in(folder.rpartition("/")[0], rules, chain) if folder else None
        own = rules.get(folder)
        chain[folder] = above if own is None else IgnoreRules(f"{folder}/" if folder else "", own, above)
    return chain[folder]


class Git:
    """A repository with one folder for each question, so that many are answered by one process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._count = 0
        self._run("init", "-q")

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], input=data, capture_output=True, env=environment, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def left_out(self, questions: list[Rules]) -> list[set[str]]:
        """What Git leaves out under each of these rules."""
        places = []
        for rules in questions:
            self._count += 1
            place = self.root / str(self._count)
            for path, is_folder in TREE.items():
                (place / path if is_folder else (place / path).parent).mkdir(parents=True, exist_ok=True)
                if not is_folder:
                    (place / path).touch()
            for folder, text in rules.items():
                (place / folder / ".gitignore").write_bytes(text)
            places.append(place.name)
        asked = b"".join(os.fsencode(f"{place}/{path}") + b"\0" for place in places for path in TREE)
        answer = self._run("check-ignore", "--no-index", "-z", "--stdin", data=asked)
        found = {tuple(os.fsdecode(path).split("/", 1)) for path in answer.split(b"\0") if path}
        return [{path for path in TREE if (place, path) in found} for place in places]


@pytest.fixture(scope="module")
def git() -> Iterator[Git]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Git(Path(folder))
        except FileNotFoundError:
            pytest.skip("git is not installed")


ATOMS = st.sampled_from(
    [
        *("a", "b", "ab", "c.o", "d", "e", "x", "é", ".h", "*", "?", "**", "***", "*.o", "a*", "*b", "[ab]", "[!a]"),
        *("[^a]", "[a-c]*", "[[:alpha:]]", "[x]", "[", "]", "/", "/", "/", "a/*", "*/**", "/b", "!", "!a", "#", " "),
        *("\\", "\\*", "\\a", "\\ ", "\r", "\t", "-"),
    ]
)
# Left out are two forms that nobody means, where dulwich is not as odd as Git: `a**/**` fits `a`, because Git compares
# the letters first and takes what is left for a pattern of its own; and `a//` fits nothing.
ODD = re.compile(r"[^/*]\*\*|//")
LINES = st.lists(ATOMS, min_size=1, max_size=5).map("".join).filter(lambda line: not ODD.search(line))
TEXTS = st.lists(LINES, min_size=1, max_size=4).map(lambda lines: ("\n".join(lines) + "\n").encode())
RULES = st.fixed_dictionaries({"": TEXTS}, optional={"a": TEXTS, "a/b": TEXTS})


@settings(max_examples=12, deadline=None)
@given(st.lists(RULES, min_size=10, max_size=10))
def test_as_git_does(git: Git, questions: list[Rules]) -> None:
    for rules, expected in zip(questions, git.left_out(questions), strict=True):
        assert ours(rules) == expected, rules


KNOWN = {
    "a name": b"ab\n",
    "a folder": b"b/\n",
    "an anchored name": b"/b\n",
    "an anchored path": b"a/b\n",
    "a star": b"*.o\n",
    "two stars before": b"**/b\n",
    "two stars after": b"a/**\n",
    "two stars between": b"a/**/a\n",
    "three stars": b"***/ab\n",
    "the contents of a folder but for one": b"/a/*\n!/a/c.o\n",
    "everything but one folder": b"/*\n!/a\n/a/*\n!/a/b\n",
    "an exception below what is left out": b"a/\n!a/c.o\n",
    "an exception that comes first": b"!c.o\n*.o\n",
    "everything": b"*\n",
    "nothing at all": b"",
    "only a comment": b"# c.o\n\n   \n",
    "a hash": b"\\#x\n",
    "an exclamation mark": b"\\!x\n",
    "a trailing space": b"d \n",
    "a trailing space that counts": b"e\\ \n",
    "a trailing space after a backslash that counts": b"*\\\\ \n",
    "a space after a backslash that counts": b"a\\\\ b\n",
    "a trailing space that counts, and others": b"e\\   \n",
    "two carriage returns": b"ab\r\r\n",
    "a space in brackets": b"e[\\ ]\n",
    "a carriage return": b"ab\r\nd\r\n",
    "a carriage return inside": b"a\rab\n",
    "a byte order mark": b"\xef\xbb\xbfab\n",
    "no line feed at the end": b"ab",
    "a backslash at the end": b"ab\\\n",
    "a backslash alone": b"\\\nab\n",
    "a slash alone": b"/\n",
    "an exclamation mark alone": b"!\n",
    "a bracket that is not closed": b"[a\nab\n",
    "a bracket in a bracket": b"[[]x]\n",
    "not UTF-8": b"\xff\nab\n",
    "a line feed in a name": b"x?y\n",
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_rules(git: Git, name: str) -> None:
    rules = {"": KNOWN[name]}
    [expected] = git.left_out([rules])
    assert ours(rules) == expected


def test_a_rule_further_down_decides(git: Git) -> None:
    rules = {"": b"*.o\n", "a": b"!c.o\n", "a/b": b"c.o\n!d\n"}
    [expected] = git.left_out([rules])
    assert ours(rules) == expected == {"c.o", "a/b/c.o"}


@settings(deadline=None)
@given(
    RULES,
    st.sampled_from(["", "a", "a/b", "x\ny"]),
    st.lists(st.sampled_from(["a", "b", "ab", "c.o", "é", "x\ny", "n\udcff"])),
)
def test_one_look_misses_nothing(rules: Rules, folder: str, names: list[str]) -> None:
    found = _rules_in(folder, rules, {})
    assert found is not None
    for is_folder in (True, False):
        if any(found.ignores(f"{folder}/{name}" if folder else name, is_folder) for name in names):
            assert found.may_ignore(folder, names)


def test_no_rule_is_reported_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    IgnoreRules("", b"\\\n[\n", None)
    assert capfd.readouterr() == ("", "")


# --- patterns that would keep a reader busy -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern", ["a*" * 60 + "x", "*a" * 60 + "x", "[a]*" * 60 + "x", "?*" * 60 + "/x", "**/a*" * 3, "**/a/" * 40 + "x"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    rules = IgnoreRules("", pattern.encode(), None)
    name = "a" * 250
    begun = time.process_time()
    assert not rules.may_ignore("", [name + "b"])
    assert not rules.ignores(name + "b", False)
    assert not rules.ignores("a/" * 200 + "b", False)
    assert time.process_time() - begun < 1


@given(st.text("ab*?/[]", min_size=1, max_size=12), st.text("ab/", min_size=1, max_size=12))
def test_bounded_patterns_fit_the_same_names(pattern: str, name: str) -> None:
    from dulwich.ignore import Pattern
    from dulwich.wildmatch import MalformedPattern

    name = name.strip("/")
    line = re.sub(r"\*{3,}", "**", pattern)
    assume(name and line.count("**") < 3)
    try:
        expected = Pattern(line.encode()).matches(name.encode(), True)
    except MalformedPattern:
        expected = False
    assert IgnoreRules("", pattern.encode(), None).ignores(name, True) == expected
