"""Trees: names that cannot lead anywhere else, in one order, with sizes in bounds."""

from __future__ import annotations

import random
from typing import Any

import msgpack
import pytest
from hypothesis import given
from object_strategies import names, trees

from sovrgit.errors import ObjectInvalid, UnsafeName
from sovrgit.objects import tree as module
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import MAX_NAME, MAX_SIZE, EntryKind, Tree, TreeEntry, check_name

ID = ObjectId(bytes(range(32)))
ROW = [b"name", 1, bytes(ID), 5]


def encoded(*rows: object, **extra: Any) -> bytes:
    data: bytes = msgpack.packb(dict(sorted({"entries": list(rows), **extra}.items())))
    return data


def entry(name: bytes, *, kind: EntryKind = EntryKind.FILE, size: int = 5) -> TreeEntry:
    return TreeEntry(name, kind, ID, size)


UNSAFE = [
    b"",
    b".",
    b"..",
    b"/",
    b"a/b",
    b"/a",
    b"a/",
    b"../a",
    b"\0",
    b"a\0b",
    b".sovr",
    b".SOVR",
    b".SoVr",
    b".sovR",
    b"x" * (MAX_NAME + 1),
]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_names_are_refused_both_ways(name: bytes) -> None:
    with pytest.raises(UnsafeName):
        Tree.decode(encoded([name, 1, bytes(ID), 5]))
    with pytest.raises((UnsafeName, ObjectInvalid)):
        Tree((entry(name),)).encode()
    with pytest.raises((UnsafeName, ObjectInvalid)):
        Tree((entry(name),), {"x": 1}).encode()
    with pytest.raises(UnsafeName):
        check_name(name)


@given(names)
def test_every_other_name_is_kept(name: bytes) -> None:
    check_name(name)
    tree = Tree((entry(name),))
    assert Tree.decode(tree.encode()) == tree
    assert tree.get(name) == tree.entries[0]
    assert tree.get(name + b"x") is None


@pytest.mark.parametrize("name", [b"...", b".sov", b".sovrx", b"x.sovr", b".s\xc3\xb6vr", b"\\", b"CON", b"\xff", b"~"])
def test_odd_names_are_safe(name: bytes) -> None:
    assert Tree.decode(encoded([name, 1, bytes(ID), 5])).entries[0].name == name


def test_the_longest_name_is_accepted() -> None:
    tree = Tree((entry(b"x" * MAX_NAME),))
    assert Tree.decode(tree.encode()) == tree


@pytest.mark.parametrize("found", [(b"b", b"a"), (b"a", b"a"), (b"a", b"B"), (b"ab", b"a"), (b"a", b"b", b"ab")])
def test_names_out_of_order_are_refused_both_ways(found: tuple[bytes, ...]) -> None:
    with pytest.raises(ObjectInvalid, match="order"):
        Tree.decode(encoded(*[[name, 1, bytes(ID), 5] for name in found]))
    with pytest.raises(ObjectInvalid, match="order"):
        Tree(tuple(entry(name) for name in found)).encode()


@given(trees())
def test_of_puts_entries_in_order(tree: Tree) -> None:
    shuffled = list(tree.entries)
    random.Random(1).shuffle(shuffled)
    assert Tree.of(shuffled).entries == tree.entries
    assert tree.size == sum(found.size for found in tree.entries)


@pytest.mark.parametrize(
    "row",
    [
        ROW[:3],
        [*ROW, 0],
        [],
        {},
        {"name": b"name"},
        b"name",
        None,
        1.5,
        ["name", 1, bytes(ID), 5],
        [b"name", "1", bytes(ID), 5],
        [b"name", True, bytes(ID), 5],
        [b"name", 0, bytes(ID), 5],
        [b"name", 5, bytes(ID), 5],
        [b"name", -1, bytes(ID), 5],
        [b"name", 1.0, bytes(ID), 5],
        [b"name", None, bytes(ID), 5],
        [b"name", 1, str(ID), 5],
        [b"name", 1, bytes(ID)[:31], 5],
        [b"name", 1, bytes(ID) + b"\0", 5],
        [b"name", 1, b"", 5],
        [b"name", 1, bytes(ID), -1],
        [b"name", 1, bytes(ID), MAX_SIZE + 1],
        [b"name", 1, bytes(ID), True],
        [b"name", 1, bytes(ID), 5.0],
        [b"name", 1, bytes(ID), None],
        [b"name", 1, bytes(ID), b"5"],
        [[b"name"], 1, bytes(ID), 5],
        [b"name", 1, bytes(ID), msgpack.Timestamp(1)],
        msgpack.ExtType(1, b"x"),
    ],
)
def test_entries_of_another_form_are_refused(row: object) -> None:
    with pytest.raises(ObjectInvalid):
        Tree.decode(encoded(row))


def test_the_row_that_those_vary_is_accepted() -> None:
    assert Tree.decode(encoded(ROW)).entries == (entry(b"name"),)


@pytest.mark.parametrize("entries", [None, {}, b"", "", 0, True])
def test_entries_are_a_list(entries: object) -> None:
    with pytest.raises(ObjectInvalid):
        Tree.decode(msgpack.packb({"entries": entries}))


def test_entries_are_needed() -> None:
    with pytest.raises(ObjectInvalid):
        Tree.decode(msgpack.packb({"x": 1}))


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, 1 << 64])
@pytest.mark.parametrize("extra", [{}, {"x": 1}])
def test_impossible_sizes_are_not_encoded(size: int, extra: dict[str, int]) -> None:
    with pytest.raises(ObjectInvalid, match="size"):
        Tree((entry(b"name", size=size),), extra).encode()


@pytest.mark.parametrize("value", [None, 1.5, [None], {"a": 1.5}, msgpack.Timestamp(1), [[[[[[[[1]]]]]]]]])
def test_unknown_keys_are_held_to_the_encoding_too(value: object) -> None:
    with pytest.raises(ObjectInvalid):
        Tree.decode(encoded(ROW, x=value))


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa0", b"\xdd\x00\x01\x00\x00"])
@pytest.mark.parametrize("levels", [10, 600, 5000])
def test_a_tower_of_containers_is_refused_as_entries(opening: bytes, levels: int) -> None:
    with pytest.raises(ObjectInvalid):
        Tree.decode(b"\x81\xa7entries" + opening * levels + b"\x01")


def test_a_tree_that_nobody_would_read_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree((entry(b"name"),))
    monkeypatch.setattr(module, "MAX_TREE_SIZE", len(tree.encode()) - 1)
    with pytest.raises(ObjectInvalid, match="too large"):
        tree.encode()


@given(trees())
def test_trees_with_and_without_unknown_keys_are_encoded_alike(tree: Tree) -> None:
    """There is a shorter path for trees without unknown keys, which is nearly all of them."""
    plain = Tree(tree.entries)
    assert plain.encode() == encoded(*[[name, int(kind), bytes(digest), size] for name, kind, digest, size in tree[0]])
