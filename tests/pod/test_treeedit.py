"""Trees made out of others, against plain dictionaries."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import EMPTY, Lab, Node, files_in_tree, link, naive_tree, text

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.treeedit import TreeEditor

BASE = {b"a/x": text(b"1"), b"a/y": text(b"2"), b"b": link(b"a"), b"e": EMPTY, b"f/g/h": text(b"3")}


def _without(*gone: bytes) -> dict[bytes, Node]:
    return {path: node for path, node in BASE.items() if path not in gone}


def _edited(lab: Lab, edits: list[tuple[bytes, Node | None]], base: ObjectId | None = None) -> ObjectId:
    store = lab.pod.store
    editor = TreeEditor(store, lab.add_tree(BASE) if base is None else base)
    with store.session() as session:
        for path, node in edits:
            if node is not None:
                session.add(
                    Kind.TREE if node == EMPTY else Kind.BLOB, Tree().encode() if node == EMPTY else node.content
                )
            editor.put(path, None if node is None else node.entry(b"any name"))
        tree = editor.write(session)
        session.commit()
    return tree


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], BASE),
        ([(b"a/x", text(b"9"))], {**BASE, b"a/x": text(b"9")}),
        ([(b"new/deep/file", text(b"9"))], {**BASE, b"new/deep/file": text(b"9")}),
        ([(b"a/x", None)], _without(b"a/x")),
        ([(b"none", None), (b"none/x", None), (b"b/x", None), (b"a/none/x", None)], BASE),
        ([(b"f", None)], _without(b"f/g/h")),
        # A folder that loses its last entry stays.
        ([(b"f/g/h", None)], {b"f/g": EMPTY, **_without(b"f/g/h")}),
        # Files give way to folders and folders to files, whatever was put below them before.
        ([(b"b/x", text(b"9"))], {b"b/x": text(b"9"), **_without(b"b")}),
        (
            [(b"f/g/i", text(b"9")), (b"f", text(b"8"))],
            {**_without(b"f/g/h"), b"f": text(b"8")},
        ),
        (
            [(b"f", None), (b"f/z", text(b"9"))],
            {**_without(b"f/g/h"), b"f/z": text(b"9")},
        ),
        ([(b"e/x", text(b"9")), (b"e/x", None)], BASE),
        ([(b"e", None)], _without(b"e")),
    ],
)
def test_edits(lab: Lab, edits: list[tuple[bytes, Node | None]], expected: dict[bytes, Node]) -> None:
    tree = _edited(lab, edits)
    assert files_in_tree(lab.pod.store, tree) == expected
    assert tree == naive_tree(expected).id()


NAMES = st.lists(st.sampled_from([b"a", b"b", b"\xff"]), min_size=1, max_size=3).map(b"/".join)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(edits=st.lists(st.tuples(NAMES, st.sampled_from([text(b"1"), text(b"22"), link(b"3"), None])), max_size=8))
def test_any_edits_in_any_order(lab: Lab, edits: list[tuple[bytes, Node | None]]) -> None:
    files: dict[bytes, Node] = {}
    folders: set[bytes] = set()
    for path, node in edits:
        above = [path[:at] for at in range(len(path)) if path[at : at + 1] == b"/"]
        if node is None:
            for known in [known for known in files if known == path or known.startswith(path + b"/")]:
                del files[known]
            folders = {folder for folder in folders if folder != path and not folder.startswith(path + b"/")}
            continue
        for known in [known for known in files if known in above or known == path or known.startswith(path + b"/")]:
            del files[known]
        folders = {folder for folder in folders if folder != path and not folder.startswith(path + b"/")}
        folders.update(above)
        files[path] = node
    empty = [folder for folder in folders if not any(path.startswith(folder + b"/") for path in [*files, *folders])]
    assert _edited(lab, edits, EMPTY_TREE_ID) == naive_tree({**files, **dict.fromkeys(empty, EMPTY)}).id()


def test_a_folder_put_in_is_loaded_when_something_below_it_changes(lab: Lab) -> None:
    inner = lab.add_tree({b"x": text(b"1"), b"y": text(b"2")})
    editor = TreeEditor(lab.pod.store)
    editor.put(b"in", TreeEntry(b"", EntryKind.DIRECTORY, inner, 2))
    editor.put(b"in/x", None)
    with lab.pod.store.session() as session:
        assert editor.write(session) == naive_tree({b"in/y": text(b"2")}).id()


def test_pruning_takes_out_folders_with_nothing_in_them_only(lab: Lab) -> None:
    editor = TreeEditor(lab.pod.store, lab.add_tree(BASE))
    editor.put(b"f/g/h", None)
    for path in (b"f/g", b"f", b"a", b"b", b"none", b"none/x", b"b/x", b"e"):
        editor.prune(path)
    with lab.pod.store.session() as session:
        assert editor.write(session) == naive_tree(_without(b"f/g/h", b"e")).id()


def test_only_what_is_touched_is_loaded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    base = lab.add_tree(BASE)
    store = lab.pod.store
    asked = []
    original = store.tree
    monkeypatch.setattr(store, "tree", lambda wanted: asked.append(wanted) or original(wanted))
    editor = TreeEditor(store, base)
    editor.put(b"a/x", None)
    with store.session() as session:
        editor.write(session)
    assert len(asked) == 2


def test_what_a_newer_version_wrote_into_a_tree_is_kept(lab: Lab) -> None:
    store = lab.pod.store
    with store.session() as session:
        session.add(Kind.BLOB, b"1")
        base = session.add(Kind.TREE, Tree((text(b"1").entry(b"a"),), {"later": 1}).encode())
        session.commit()
    editor = TreeEditor(store, base)
    editor.put(b"b", text(b"1").entry(b"b"))
    with store.session() as session:
        tree = editor.write(session)
        session.commit()
    assert store.tree(tree).extra == {"later": 1}
