"""Any pod, any selection, any order of getting, dropping and committing: as a whole clone would have it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import MemoryRemote
from partial_lab import Partial, changes_of
from transfer_lab import Lab, cloned

from sovrgit.errors import LocalChanges, NotProven, PathNotFound
from sovrgit.pod.revisions import resolve_tree
from sovrgit.pod.switch import move_to
from sovrgit.remotes.selection import Selection

NAMES = st.sampled_from(["a", "b", "payload", "output"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENT = st.one_of(
    st.integers(0, 5).map(lambda number: b"%d" % number),
    st.integers(0, 5).map(lambda number: bytes([number, number + 1]) * 150),
    st.integers(0, 3).map(lambda number: bytes(range(256)) * (6 + number)),
)
PODS = st.dictionaries(PATHS, CONTENT, min_size=1, max_size=8).map(
    lambda files: {path: data for path, data in files.items() if not any(_above(path, other) for other in files)}
)
STEPS = st.lists(st.tuples(st.sampled_from(["get", "drop", "write", "commit", "switch"]), PATHS, CONTENT), max_size=6)


def _above(path: str, other: str) -> bool:
    return other.startswith(path + "/")


@given(first=PODS, second=PODS, only=st.lists(PATHS, max_size=2), steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_partial_clone_is_a_clone(
    small: None, first: dict[str, bytes], second: dict[str, bytes], only: list[str], steps: list[tuple[str, str, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), first, second, only, steps)


def _compare(
    folder: Path,
    first: dict[str, bytes],
    second: dict[str, bytes],
    only: list[str],
    steps: list[tuple[str, str, bytes]],
) -> None:
    lab, remote = Lab.create(folder / "lab"), MemoryRemote()
    lab.commit(first)
    for path in lab.working():
        (lab.root / path).unlink()
    for old in sorted(lab.root.rglob("*"), reverse=True):
        if old.is_dir() and ".sovr" not in old.relative_to(lab.root).parts:
            old.rmdir()
    for path, data in second.items():
        lab.write(path, data)
    lab.commit({"always": b"here"})
    lab.push(remote)
    here = [path for path in only if any(_above(path, name) or path == name for name in second)]
    selection = Selection(only=[path.encode() for path in here]) if here else Selection(payload=False)
    made, whole = Partial.clone(remote, folder / "partial", selection), cloned(remote, folder / "whole")
    for step, path, data in steps:
        _step(made, whole, step, path, data)
        assert made.changes() == changes_of(whole), (step, path)
        assert set(made.working().items()) <= set(whole.working().items())
    assert made.check().is_sound
    for pod in (made, whole):
        pod.clock = 1_800_000_000
        pod.write("always", b"last")
    assert made.commit() == whole.commit()
    assert made.changes() == {}
    made.get_all()
    assert made.working() == whole.working()
    assert made.problems() == ()
    assert resolve_tree(made.pod, "HEAD") == resolve_tree(whole.pod, "HEAD")
    for pod in (lab, made, whole):
        pod.pod.close()


def _step(made: Partial, whole: Lab, step: str, path: str, data: bytes) -> None:
    if step == "get":
        try:
            made.get(path)
        except PathNotFound:
            return
    elif step == "drop":
        try:
            made.drop(path)
        except (PathNotFound, LocalChanges, NotProven):
            return
    elif step == "write":
        if (whole.root / path).is_dir() or any((whole.root / above).is_file() for above in Path(path).parents):
            return
        for pod in (made, whole):
            pod.write(path, data)
    elif step == "commit":
        for pod in (made, whole):
            pod.write("always", data + b"always")
        if changes_of(whole):
            assert made.commit() == whole.commit()
    elif not changes_of(whole) and (parents := whole.pod.store.commit(whole.head).parents):
        for pod in (made, whole):
            move_to(pod.pod, parents[0], command="switch", time_ns=1)
