"""Differences of trees against those of plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import EMPTY, Files, Lab, Node, files_in_tree, link, naive_diff, naive_tree, script, text

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.treediff import Change, diff_trees, find, walk
from sovrgit.store.store import ObjectStore

NAMES = st.sampled_from([b"a", b"b", b"a-b", b"\xff"])
NODES = st.sampled_from([text(b""), text(b"1"), text(b"2"), script(b"1"), link(b"1"), EMPTY])


def _files(below: st.SearchStrategy[dict[bytes, Node]]) -> st.SearchStrategy[dict[bytes, Node]]:
    def flat(folder: dict[bytes, Node | dict[bytes, Node]]) -> dict[bytes, Node]:
        found: dict[bytes, Node] = {}
        for name, inside in folder.items():
            if isinstance(inside, Node):
                found[name] = inside
            else:
                found |= {name + b"/" + path: node for path, node in inside.items()} or {name: EMPTY}
        return found

    return st.dictionaries(NAMES, st.one_of(NODES, below), max_size=4).map(flat)


FILES = st.recursive(st.just({}), _files, max_leaves=6)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)
@given(old=FILES, new=FILES)
def test_differences_are_those_of_the_files(lab: Lab, old: Files, new: Files) -> None:
    left, right = lab.add_tree(old), lab.add_tree(new)
    found = list(diff_trees(lab.pod.store, left, right))
    assert len(found) == len(set(found))
    assert set(found) == naive_diff(old, new)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=50
)
@given(files=FILES)
def test_walking_gives_every_file_and_empty_folder_in_the_order_of_names(lab: Lab, files: Files) -> None:
    tree = lab.add_tree(files)
    assert tree == naive_tree(files).id()
    assert files_in_tree(lab.pod.store, tree) == files
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0)
    paths = [path for path, _ in walk(lab.pod.store, top, b"")]
    assert paths == sorted(paths, key=lambda path: path.split(b"/"))


def test_changes_come_in_the_order_of_names(lab: Lab) -> None:
    old = {b"a-b": text(b"1"), b"a/x": text(b"1"), b"b": EMPTY, b"c/x/y": text(b"1"), b"d": text(b"1")}
    new = {b"a-b": text(b"2"), b"a": EMPTY, b"b/z": text(b"1"), b"c": text(b"2"), b"d/e": text(b"2")}
    found = [
        (change.path, change.kind) for change in diff_trees(lab.pod.store, lab.add_tree(old), lab.add_tree(new), b"in/")
    ]
    assert found == [
        (b"in/a", "added"),
        (b"in/a/x", "removed"),
        (b"in/a-b", "modified"),
        (b"in/b/z", "added"),
        (b"in/c/x/y", "removed"),
        (b"in/c", "added"),
        (b"in/d", "removed"),
        (b"in/d/e", "added"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (None, text(b"1"), "added"),
        (text(b"1"), None, "removed"),
        (text(b"1"), text(b"2"), "modified"),
        (text(b"1"), script(b"1"), "type"),
        (text(b"1"), link(b"1"), "type"),
    ],
)
def test_the_kind_of_a_change(old: Node | None, new: Node | None, kind: str) -> None:
    change = Change(b"p", old and old.entry(b"p"), new and new.entry(b"p"))
    assert change.kind == kind
    assert not change.is_directory
    assert Change(b"p", EMPTY.entry(b"p"), None).is_directory
    assert Change(b"p", None, EMPTY.entry(b"p")).is_directory


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[ObjectId]:
    """The trees that were asked for."""
    asked: list[ObjectId] = []
    original: Callable[[ObjectStore, ObjectId], Tree] = ObjectStore.tree

    def counting(store: ObjectStore, wanted: ObjectId) -> Tree:
        asked.append(wanted)
        return original(store, wanted)

    monkeypatch.setattr(ObjectStore, "tree", counting)
    return asked


def test_what_is_the_same_is_not_read(lab: Lab, reads: list[ObjectId]) -> None:
    old: dict[bytes, Node] = {b"%d/%d/file" % (left, right): text(b"1") for left in range(9) for right in range(9)}
    new = {**old, b"4/4/file": text(b"2")}
    left, right = lab.add_tree(old), lab.add_tree(new)
    reads.clear()
    assert [change.path for change in diff_trees(lab.pod.store, left, right)] == [b"4/4/file"]
    assert len(reads) == 6
    reads.clear()
    assert list(diff_trees(lab.pod.store, left, left)) == []
    assert reads == []


def test_a_difference_is_given_before_the_rest_is_read(lab: Lab, reads: list[ObjectId]) -> None:
    old: dict[bytes, Node] = {b"%d/file" % number: text(b"1") for number in range(9)}
    new: dict[bytes, Node] = {b"%d/file" % number: text(b"2") for number in range(9)}
    left, right = lab.add_tree(old), lab.add_tree(new)
    reads.clear()
    assert next(diff_trees(lab.pod.store, left, right)).path == b"0/file"
    assert len(reads) == 4


def test_trees_of_any_depth_can_be_compared_and_walked(lab: Lab) -> None:
    deep = b"/".join([b"d"] * 1500)
    with lab.pod.store.session() as session:
        from sovrgit.objects.ids import Kind

        entry = text(b"1").entry(b"d")
        session.add(Kind.BLOB, b"1")
        for _ in range(1500):
            tree = Tree.of([entry])
            identity = session.add(Kind.TREE, tree.encode())
            entry = TreeEntry(b"d", EntryKind.DIRECTORY, identity, 1)
        session.commit()
    assert [change.path for change in diff_trees(lab.pod.store, EMPTY_TREE_ID, entry.id)] == [deep]
    assert [change.path for change in diff_trees(lab.pod.store, entry.id, EMPTY_TREE_ID)] == [deep]
    assert [path for path, _ in walk(lab.pod.store, entry, b"")] == [deep]


def test_an_empty_tree_has_nothing_but_itself(lab: Lab) -> None:
    top = TreeEntry(b"", EntryKind.DIRECTORY, EMPTY_TREE_ID, 0)
    assert list(walk(lab.pod.store, top, b"at")) == [(b"at", top)]


def test_finding_paths(lab: Lab) -> None:
    tree = lab.add_tree({b"a/\xff/c": text(b"1"), b"a/file": text(b"2"), b"l": link(b"a"), b"e": EMPTY})
    store = lab.pod.store

    def at(path: bytes) -> str | None:
        found = find(store, tree, path)
        return found and found.kind.name

    assert at(b"a/\xff/c") == "FILE"
    assert at(b"a/\xff") == "DIRECTORY"
    assert at(b"e") == "DIRECTORY"
    assert at(b"l") == "SYMLINK"
    # Links are not followed, files have nothing below them, and no path has an empty component.
    for path in (b"l/file", b"a/file/x", b"none", b"none/x", b"e/x", b"a//file", b"a/", b""):
        assert at(path) is None
