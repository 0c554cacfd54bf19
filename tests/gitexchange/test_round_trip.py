"""What comes from Git goes back with the same ids, whatever is odd about it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from git_lab import LINE, Git, again, everything, exported, imported, reachable, refs_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sovrgit.gitexchange.ids import EMPTY_GIT_TREE, GitId, GitKind
from sovrgit.objects.commit import Stamp
from sovrgit.pod.check import check_pod
from sovrgit.pod.paths import GIT_CACHE

LINK = bytes.fromhex("0123456789abcdef0123456789abcdef01234567")

COMMITS = {
    "latin-1 name": (b"J\xf6rg <j@example.org> 1 +0000", b"", b"M\n"),
    "encoding header": (b"J\xf6rg <j@example.org> 1 +0000", b"encoding ISO-8859-1", b"\xfcber\n"),
    "unknown encoding": (LINE, b"encoding zlib", b"\xff\n"),
    "zone -0000": (b"A <a@b> 1 -0000", b"", b"M\n"),
    "zone of seconds": (b"A <a@b> 1 +051800", b"", b"M\n"),
    "zone beyond a day": (b"A <a@b> 1 +9999", b"", b"M\n"),
    "time before 1970": (b"A <a@b> -100 +0000", b"", b"M\n"),
    "time beyond all calendars": (b"A <a@b> 18446744073709551615 +0000", b"", b"M\n"),
    "no address": (b"A <> 1 +0000", b"", b"M\n"),
    "no name": (b" <a@b> 1 +0000", b"", b"M\n"),
    "no brackets": (b"somebody", b"", b"M\n"),
    "brackets in the name": (b"A <<a> <b> 1 +0000", b"", b"M\n"),
    "a carriage return": (b"A\r <a@b> 1 +0000", b"", b"M\r\n"),
    "signed": (LINE, b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----", b"M\n"),
    "mergetag": (LINE, b"mergetag object " + LINK.hex().encode() + b"\n type commit\n \n text", b"M\n"),
    "more headers": (LINE, b"HG:extra branch:x\nHG:rename a:b", b"M\n"),
    "no line feed at the end": (LINE, b"", b"M"),
    "line feeds at the end": (LINE, b"", b"M\n\n\n"),
    "only a line feed": (LINE, b"", b"\n"),
    "no message": (LINE, b"", b""),
    "a NUL in the message": (LINE, b"", b"M\0more\n"),
    "a message that is not text": (LINE, b"", b"\xff\xfe\n"),
    "a trailer of ours": (LINE, b"", b"M\n\nSovr-Run: 1234\n"),
}

MODES = {
    "group may write": [(b"100664", b"a")],
    "old executables": [(b"100775", b"a"), (b"100700", b"b")],
    "a mode with zeros before it": [(b"0100644", b"a")],
    "a symbolic link with zeros": [(b"0120000", b"a")],
}


def commit_with(git: Git, tree: GitId, line: bytes, headers: bytes, message: bytes, *parents: GitId) -> GitId:
    raw = b"tree " + tree.hex().encode() + b"\n"
    raw += b"".join(b"parent " + parent.hex().encode() + b"\n" for parent in parents)
    raw += b"author " + line + b"\ncommitter " + LINE + b"\n" + (headers + b"\n" if headers else b"") + b"\n" + message
    return git.put(GitKind.COMMIT, raw)


def check_round_trip(git: Git, tmp_path: Path, label: str = "x") -> None:
    """Into a new pod and out of it again, once more without the cache, and into another one."""
    folder = tmp_path / label
    with imported(git, folder / "pod").pod as pod:
        exported(pod, folder / "out.git")
        assert refs_of(folder / "out.git") == refs_of(git.folder)
        found = everything(folder / "out.git")
        assert found.keys() >= reachable(git.folder)
        assert all(found[name] == everything(git.folder)[name] for name in reachable(git.folder))
        assert check_pod(pod).is_sound
        (pod.folder / GIT_CACHE).unlink()
        assert again(pod, git).commits == 0
        (pod.folder / GIT_CACHE).unlink()
        assert exported(pod, folder / "out.git").objects == 0
        exported(pod, folder / "other.git")
        assert refs_of(folder / "other.git") == refs_of(git.folder)


@pytest.mark.parametrize("name", COMMITS)
def test_odd_commits(git: Git, tmp_path: Path, name: str) -> None:
    tree = git.files(a=b"a")
    first = commit_with(git, tree, *COMMITS[name])
    git.ref("heads/main", commit_with(git, tree, *COMMITS[name], first))
    check_round_trip(git, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"author " + LINE + b"\n",
        b"author " + LINE + b"\ncommitter " + LINE + b"\n",
        b"committer " + LINE + b"\nauthor " + LINE + b"\n\nM\n",
        b"\nM\n",
        b"",
    ],
)
def test_commits_that_are_hardly_commits(git: Git, tmp_path: Path, raw: bytes) -> None:
    git.ref("heads/main", git.put(GitKind.COMMIT, b"tree " + git.files(a=b"a").hex().encode() + b"\n" + raw))
    check_round_trip(git, tmp_path)


@pytest.mark.parametrize("name", MODES)
def test_odd_modes(git: Git, tmp_path: Path, name: str) -> None:
    rows = [(mode, file, git.blob(file)) for mode, file in MODES[name]]
    first = git.commit(git.tree((b"40000", b"in", git.tree(*rows)), *rows))
    # Unchanged, changed, and no longer odd.
    changed = [(mode, file, git.blob(file * 2)) for mode, file, _ in rows]
    second = git.commit(git.tree((b"40000", b"in", git.tree(*changed)), *rows), first)
    usual = [(b"100644", file, blob) for _, file, blob in rows]
    git.ref("heads/main", git.commit(git.tree((b"40000", b"in", git.tree(*changed)), *usual), second))
    check_round_trip(git, tmp_path)


def test_folders_with_odd_modes_and_empty_ones(git: Git, tmp_path: Path) -> None:
    inner = git.files(a=b"a")
    assert git.tree() == EMPTY_GIT_TREE
    first = git.commit(git.tree((b"040000", b"odd", inner), (b"40000", b"empty", EMPTY_GIT_TREE)))
    second = git.commit(git.tree((b"40000", b"odd", inner), (b"040000", b"empty", EMPTY_GIT_TREE)), first)
    git.ref("heads/main", git.commit(EMPTY_GIT_TREE, second))
    git.ref("heads/other", first)
    check_round_trip(git, tmp_path)


def test_submodules(git: Git, tmp_path: Path) -> None:
    first = git.commit(git.tree((b"160000", b"sub", LINK), (b"100644", b"sub.txt", git.blob(b"x"))))
    deep = git.tree((b"160000", b"one", LINK), (b"160000", b"two", LINK[::-1]))
    second = git.commit(git.tree((b"160000", b"sub", LINK[::-1]), (b"40000", b"deep", deep)), first)
    third = git.commit(git.tree((b"100644", b"sub", git.blob(b"a file now"))), second)
    git.ref("heads/main", git.commit(git.tree((b"40000", b"sub", git.files(a=b"a"))), third))
    git.ref("heads/deep", second)
    done = imported(git, tmp_path / "told")
    done.pod.close()
    assert done.submodules == [b"deep/one", b"deep/two", b"sub"]
    check_round_trip(git, tmp_path)


def test_names_in_the_order_of_git(git: Git, tmp_path: Path) -> None:
    """A folder is sorted as if a slash came after its name: `a.b` before the folder `a`."""
    inner = git.files(x=b"x")
    rows = [(b"100644", name, git.blob(name)) for name in (b"a.b", b"a0", b"a-b", b"\xff\xfe", b"b c\n")]
    git.ref("heads/main", git.commit(git.tree((b"40000", b"a", inner), *rows)))
    check_round_trip(git, tmp_path)


def test_tags(git: Git, tmp_path: Path) -> None:
    tree = git.files(a=b"a")
    commit = git.commit(tree)
    blob = git.blob(b"a key")
    git.ref("heads/main", commit)
    git.ref("tags/light", commit)
    for name, target, kind, rest in [
        ("plain", commit, b"commit", b"tagger " + LINE + b"\n\nVersion\n"),
        ("signed", commit, b"commit", b"tagger " + LINE + b"\n\nV\n-----BEGIN PGP SIGNATURE-----\nx\n"),
        ("bare", commit, b"commit", b"\nwithout a tagger\n"),
        ("odd", commit, b"commit", b"tagger J\xf6rg\n\n\xff"),
        ("tree", tree, b"tree", b"tagger " + LINE + b"\n\nT\n"),
        ("blob", blob, b"blob", b"tagger " + LINE + b"\n\nB\n"),
    ]:
        lines = b"object %s\ntype %s\ntag %s\n" % (target.hex().encode(), kind, name.encode())
        git.ref(f"tags/{name}", git.put(GitKind.TAG, lines + rest))
    inner = git.put(GitKind.TAG, b"object %s\ntype commit\ntag in\ntagger " % commit.hex().encode() + LINE + b"\n\nI\n")
    outer = b"object %s\ntype tag\ntag out\ntagger " % inner.hex().encode() + LINE + b"\n\nO\n"
    git.ref("tags/outer", git.put(GitKind.TAG, outer))
    check_round_trip(git, tmp_path)


def test_what_people_read(git: Git, tmp_path: Path) -> None:
    line = b"J\xf6rg <j@example.org> 1700000000 -0330"
    headers = b"encoding ISO-8859-1"
    git.ref("heads/main", commit_with(git, git.files(a=b"a"), line, headers, b"\xfcber\n\nmehr\n"))
    with imported(git, tmp_path / "pod").pod as pod:
        head = pod.head()
        assert head is not None
        commit = pod.store.commit(head)
    assert commit.author == Stamp("Jörg", "j@example.org", 1700000000, -210)
    assert (commit.message, commit.committer) == ("über\n\nmehr", Stamp("Ada", "ada@example.org", 1700000000, 60))
    assert set(commit.extra["git"]) == {"id", "author", "headers", "message"}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[dict[str, Any], list[int], int]]:
    """Commits: files by path, with content and mode; parents; which of the people."""
    paths = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "d.x", "e/a"])
    modes = st.sampled_from([b"100644", b"100644", b"100755", b"120000", b"100664", b"160000"])
    commits = []
    files: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 8))):
        files = dict(files)
        for path in draw(st.lists(paths, max_size=4)):
            if draw(st.booleans()):
                files.pop(path, None)
            else:
                files[path] = draw(st.sampled_from([b"x", b"y", b"\xff\n"])), draw(modes)
        parents = sorted(set(draw(st.lists(st.integers(0, number - 1), max_size=3)))) if number else []
        commits.append((files, parents, draw(st.integers(0, len(COMMITS) - 1))))
    return commits


def tree_of(git: Git, files: dict[str, Any]) -> GitId:
    folders: dict[str, dict[str, Any]] = {}
    rows = []
    for path, (content, mode) in files.items():
        folder, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(folder, {})[rest] = content, mode
        else:
            target = LINK[: 20 - len(content)] + content if mode == b"160000" else git.blob(content)
            rows.append((mode, path.encode(), target))
    return git.tree(*rows, *((b"40000", name.encode(), tree_of(git, inner)) for name, inner in folders.items()))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories(), packed=st.booleans())
def test_any_history(tmp_path: Path, history: list[Any], packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    folder = tmp_path / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    git = Git(folder / "in.git")
    made: list[GitId] = []
    for number, (files, parents, person) in enumerate(history):
        line, headers, message = list(COMMITS.values())[person]
        before = [made[parent] for parent in parents]
        made.append(commit_with(git, tree_of(git, files), line, headers, message + b"%d" % number, *before))
        git.ref(f"heads/b{number}", made[-1])
    if packed:
        git.pack()
    check_round_trip(git, folder)


@pytest.mark.skipif("SOVR_TEST_GIT_REPOSITORY" not in os.environ, reason="no repository was named")
def test_a_real_repository(tmp_path: Path) -> None:
    source = Path(os.environ["SOVR_TEST_GIT_REPOSITORY"])
    done = imported(source, tmp_path / "pod")
    with done.pod as pod:
        exported(pod, tmp_path / "out.git")
    found = refs_of(tmp_path / "out.git")
    wanted = {name: value for name, value in refs_of(source).items() if name.decode() not in done.skipped}
    assert found == wanted
