"""Changes by key: nothing for equal documents, and enough to make the new document from the old one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.pod import jsondiff
from sovrgit.pod.jsondiff import ChangeKind, JsonChange, json_changes, path_text

scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 2.5]) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=20,
)
documents = st.lists(values, max_size=6) | st.dictionaries(st.sampled_from(["a", "b.c", "", "ü"]), values)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def exact(value: Any) -> str:
    """Text that tells 1 from 1.0 and from true, and does not depend on the order of keys."""
    return json.dumps(value, sort_keys=True)


def apply(old: Any, changes: list[JsonChange]) -> Any:
    """Changed values first, where they were; then removals from the back; then additions, where they are now."""
    root = {"root": copy.deepcopy(old)}

    def parent(path: tuple[str | int, ...]) -> tuple[Any, str | int]:
        container: Any = root
        steps = ("root", *path)
        for step in steps[:-1]:
            container = container[step]
        return container, steps[-1]

    for change in changes:
        if change.kind is ChangeKind.CHANGED:
            assert change.old_path is not None and change.old is not None and change.new is not None
            container, step = parent(change.old_path)
            assert exact(container[step]) == exact(json.loads(change.old))
            container[step] = json.loads(change.new)
    for change in reversed(changes):
        if change.kind is ChangeKind.REMOVED:
            assert change.old_path is not None and change.old is not None
            container, step = parent(change.old_path)
            assert exact(container.pop(step)) == exact(json.loads(change.old))
    for change in changes:
        if change.kind is ChangeKind.ADDED:
            assert change.new_path is not None and change.new is not None
            container, step = parent(change.new_path)
            if isinstance(container, list):
                assert isinstance(step, int) and step <= len(container)
                container.insert(step, json.loads(change.new))
            else:
                assert step not in container
                container[step] = json.loads(change.new)
    return root["root"]


@given(documents, documents)
def test_changes_turn_old_into_new(old: Any, new: Any) -> None:
    changes = json_changes(encoded(old), encoded(new))
    assert changes is not None
    assert exact(apply(old, changes)) == exact(new)


@given(documents)
def test_equal_documents_have_no_changes(document: Any) -> None:
    spread = json.dumps(document, indent=3, sort_keys=True, ensure_ascii=False).encode()
    assert json_changes(encoded(document), spread) == []


def summary(old: str, new: str) -> list[tuple[str, str, str | None, str | None]]:
    changes = json_changes(old.encode(), new.encode())
    assert changes is not None
    return [(change.kind.value, change.path, change.old, change.new) for change in changes]


def test_a_recipe() -> None:
    old = '{"name": "x", "golem": {"exec": "a", "timeout": 3, "payload": ["p"]}}'
    new = '{"name": "x", "golem": {"exec": "b", "payload": ["p"], "log": {"to": [1, 2]}}}'
    assert summary(old, new) == [
        ("changed", "golem.exec", '"a"', '"b"'),
        ("removed", "golem.timeout", "3", None),
        ("added", "golem.log", None, '{"to":[1,2]}'),
    ]


def test_an_item_put_in_front_is_one_change() -> None:
    rows = [{"id": number, "f1": number / 8} for number in range(5)]
    new: list[Any] = [{"id": 9}, *copy.deepcopy(rows)]
    new[4]["f1"] = 0.9
    changes = json_changes(encoded(rows), encoded(new))
    assert changes is not None
    assert [(change.path, change.old_path, change.new_path) for change in changes] == [
        ("[0]", None, (0,)),
        ("[4].f1", (3, "f1"), (4, "f1")),
    ]


@pytest.mark.parametrize(
    ("old", "new", "retyped"),
    [
        ("1.0", "1.00", None),
        ("1e2", "100.0", None),
        ("0.1", "0.1000000000000000055", False),
        ("10000000000000001", "10000000000000000", False),
        ("1", "1.0", True),
        ("0", "-0", None),
        ("0", "-0.0", True),
        ("100", "1E2", True),
        ("1", "true", False),
        ('"1"', "1", False),
        ("[]", "{}", False),
    ],
)
def test_values_are_compared_exactly_and_by_type(old: str, new: str, retyped: bool | None) -> None:
    changes = json_changes(f'{{"a":{old}}}'.encode(), f'{{"a":{new}}}'.encode())
    expected = [] if retyped is None else [JsonChange(ChangeKind.CHANGED, ("a",), ("a",), old, new, retyped)]
    assert changes == expected


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"text",
        b"3",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b"[Infinity]",
        b'{"a": 1, "a": 2}',
        b"[1,]",
        b'["\xff"]',
        b"\xef\xbb\xbf[]",
        b"[" * 65 + b"]" * 65,
        b"[" * 200_000 + b"]" * 200_000,
        b"[1e" + b"9" * 5000 + b"]",
        b"[" + b" " * jsondiff.MAX_SIZE + b"]",
    ],
    ids=lambda document: document[:12].decode("latin-1"),
)
def test_what_is_not_compared_as_json(document: bytes) -> None:
    assert json_changes(document, b"[1]") is None
    assert json_changes(b"[1]", document) is None


def test_the_deepest_document() -> None:
    deep = b"[" * jsondiff.MAX_DEPTH + b"%d" + b"]" * jsondiff.MAX_DEPTH
    assert json_changes(deep % 1, deep % 1) == []
    changes = json_changes(deep % 1, deep % 2)
    assert changes is not None
    assert [change.path for change in changes] == ["[0]" * jsondiff.MAX_DEPTH]


def test_too_many_changes_are_left_to_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsondiff, "MAX_CHANGES", 3)
    assert len(json_changes(b"[]", b"[1,2,3]") or ()) == 3
    assert json_changes(b"[]", b"[1,2,3,4]") is None


def test_the_root_itself_can_change() -> None:
    assert summary("[1]", '{"a":1}') == [("changed", ".", "[1]", '{"a":1}')]


def test_surrogates_stay_escaped() -> None:
    assert summary("{}", r'{"\ud800": "\udcff"}') == [("added", r'["\ud800"]', None, r'"\udcff"')]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("golem", "exec"), "golem.exec"),
        (("metrics", 3, "f1"), "metrics[3].f1"),
        ((0, 1), "[0][1]"),
        (("a.b", "c"), '["a.b"].c'),
        (("a", "b c", ""), 'a["b c"][""]'),
        (("run-key",), "run-key"),
        ((), "."),
    ],
)
def test_path_text(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text
