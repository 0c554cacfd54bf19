"""Files under another name: found, followed, and blamed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import Lab, script, text

from sovrgit.errors import PathNotFound, Unsupported
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.blame import blame
from sovrgit.pod.follow import follow
from sovrgit.pod.renames import MAX_READ, Rename, find_renames
from sovrgit.pod.status import status
from sovrgit.pod.treediff import diff_trees

TEXT = b"".join(b"line %d\n" % number for number in range(20))


def renames(lab: Lab) -> dict[bytes, tuple[bytes, int]]:
    """What status says, by new name."""
    return {rename.new.path: (rename.old.path, rename.alike) for rename in status(lab.pod).renames}


def committed(lab: Lab) -> list[Rename]:
    store = lab.pod.store
    parent = store.commit(store.commit(lab.head).parents[0])
    changes = list(diff_trees(store, parent.tree, lab.pod.head_tree()))
    return find_renames(changes, store.read_entry, store.read_entry)


def test_equal_content(lab: Lab) -> None:
    lab.put_all({b"a": text(TEXT), b"d/b": text(b"\0binary"), b"empty": text(b"")})
    lab.commit()
    lab.put_all({b"c": text(TEXT), b"e/b": script(b"\0binary"), b"void": text(b"")})
    assert renames(lab) == {b"c": (b"a", 100), b"e/b": (b"d/b", 100)}
    lab.commit()
    assert [(rename.old.path, rename.new.path) for rename in committed(lab)] == [(b"a", b"c"), (b"d/b", b"e/b")]


def test_similar_text(lab: Lab) -> None:
    lab.put_all({b"a": text(TEXT), b"b": text(b"other\n" * 30)})
    lab.commit()
    lab.put_all({b"c": text(TEXT.replace(b"line 3\n", b"another\n")), b"d": text(b"nothing alike\n" * 10)})
    found = renames(lab)
    assert set(found) == {b"c"} and found[b"c"][0] == b"a" and 90 <= found[b"c"][1] < 100


def test_a_copy_is_no_rename(lab: Lab) -> None:
    lab.put(b"a", TEXT)
    lab.commit()
    lab.put(b"b", TEXT)
    assert renames(lab) == {}


def test_each_file_is_in_one_pair(lab: Lab) -> None:
    lab.put_all({b"a/x": text(TEXT), b"b/y": text(TEXT)})
    lab.commit()
    lab.put_all({b"c/y": text(TEXT), b"c/z": text(TEXT), b"c/w": text(TEXT)})
    found = renames(lab)
    assert found[b"c/y"][0] == b"b/y", "the one that keeps its name first"
    assert len(found) == 2 and len({old for old, _ in found.values()}) == 2


def test_of_very_many_new_files_nothing_is_read(lab: Lab) -> None:
    lab.put(b"a", b"x")
    lab.commit()
    lab.drop(b"a")
    for number in range(MAX_READ + 1):
        lab.put(b"n/%d" % number, b"x")
    assert renames(lab) == {}


def test_followed_through_names(lab: Lab) -> None:
    made: list[ObjectId] = []
    for path, content in (
        (b"one", TEXT),
        (b"one", TEXT + b"more\n"),
        (b"two", TEXT + b"more\n"),
        (b"three", TEXT + b"x\n"),
    ):
        for old in (b"one", b"two"):
            lab.drop(old)
        lab.put(path, content)
        lab.put(b"beside", b"%d" % len(made))
        made.append(lab.commit().id)
    lab.put(b"beside", b"not about it")
    lab.commit()
    found = [(identity, path) for identity, _, path in follow(lab.pod.store, lab.head, b"three")]
    assert found == [(made[3], b"three"), (made[2], b"two"), (made[1], b"one"), (made[0], b"one")]


def test_followed_past_a_merge(lab: Lab) -> None:
    start = lab.add_commit({b"a": text(TEXT)})
    left = lab.add_commit({b"b": text(TEXT)}, start)
    right = lab.add_commit({b"a": text(TEXT), b"other": text(b"x")}, start)
    merged = lab.add_commit({b"b": text(TEXT), b"other": text(b"x")}, left, right)
    assert [identity for identity, _, _ in follow(lab.pod.store, merged, b"b")] == [left, start]


def owners(lab: Lab, path: bytes, tip: ObjectId | None = None) -> list[tuple[bytes, str]]:
    found = blame(lab.pod.store, tip or lab.head, path)
    return [(line.content, lab.pod.store.commit(line.commit).message) for line in found]


def test_lines_and_who_wrote_them(lab: Lab) -> None:
    lab.put(b"a", b"1\n2\n3\n")
    lab.commit("First")
    lab.put(b"a", b"1\ntwo\n3\n")
    lab.commit("Second")
    lab.drop(b"a")
    lab.put(b"b", b"0\n1\ntwo\n3\nend")
    lab.commit("Third")
    assert owners(lab, b"b") == [
        (b"0\n", "Third"),
        (b"1\n", "First"),
        (b"two\n", "Second"),
        (b"3\n", "First"),
        (b"end", "Third"),
    ]
    line = blame(lab.pod.store, lab.head, b"b")[3]
    assert (line.path, line.number) == (b"a", 3)


def test_both_sides_of_a_merge(lab: Lab) -> None:
    start = lab.add_commit({b"a": text(b"1\n2\n3\n")}, message="start")
    left = lab.add_commit({b"a": text(b"left\n2\n3\n")}, start, message="left")
    right = lab.add_commit({b"a": text(b"1\n2\nright\n")}, start, message="right")
    merged = lab.add_commit({b"a": text(b"left\n2\nright\nmerge\n")}, left, right, message="merged")
    assert owners(lab, b"a", merged) == [
        (b"left\n", "left"),
        (b"2\n", "start"),
        (b"right\n", "right"),
        (b"merge\n", "merged"),
    ]


def test_two_lines_that_were_one(lab: Lab) -> None:
    start = lab.add_commit({b"a": text(b"x\n")}, message="start")
    left = lab.add_commit({b"a": text(b"x\nl\n")}, start, message="left")
    right = lab.add_commit({b"a": text(b"r\nx\n")}, start, message="right")
    merged = lab.add_commit({b"a": text(b"x\nl\nr\nx\n")}, left, right, message="merged")
    assert len(owners(lab, b"a", merged)) == 4


def test_no_text_and_no_file(lab: Lab) -> None:
    lab.put(b"a", b"\0")
    lab.commit()
    with pytest.raises(Unsupported):
        owners(lab, b"a")
    with pytest.raises(PathNotFound):
        owners(lab, b"b")


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_every_line_has_a_commit_that_has_it(lab: Lab, data: st.DataObject) -> None:
    lines = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=6)
    made: list[ObjectId] = []
    for number in range(data.draw(st.integers(1, 6))):
        parents = data.draw(st.lists(st.sampled_from(made), max_size=2, unique=True)) if made else []
        content = b"".join(data.draw(lines))
        made.append(lab.add_commit({b"f": text(content), b"n": text(b"%d" % number)}, *parents))
    found = blame(lab.pod.store, made[-1], b"f")
    whole = lab.pod.store.read_entry(
        b"", next(e for e in lab.pod.store.tree(lab.pod.store.commit(made[-1]).tree).entries if e.name == b"f")
    )
    assert b"".join(line.content for line in found) == whole
    for line in found:
        there = next(e for e in lab.pod.store.tree(lab.pod.store.commit(line.commit).tree).entries if e.name == b"f")
        assert lab.pod.store.read_entry(b"", there).splitlines(keepends=True)[line.number - 1] == line.content
