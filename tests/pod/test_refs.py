"""Refs move all or none, only from where they were expected, and the journal remembers."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import IntegrityFailure, RevisionNotFound, SovrError, StorageFailure, StorageFull, UnsafeName
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.pod.refs import DEFAULT_BRANCH, HEADS, RefChange, Refs, RefStore, check_ref

ONE, TWO, SIX = (blob_id(b"%d" % n) for n in (1, 2, 6))
MAIN, SIDE = DEFAULT_BRANCH, f"{HEADS}side"


@pytest.fixture
def refs(tmp_path: Path) -> RefStore:
    made = RefStore(tmp_path)
    made.create()
    return made


def move(refs: RefStore, *changes: RefChange, head: str | None = None) -> Refs:
    return refs.update(changes, command="test", time_ns=1, head=head)


def test_new_refs_are_empty(refs: RefStore) -> None:
    assert refs.read() == Refs(MAIN, {})
    assert refs.read().current() is None
    assert refs.journal() == []


def test_refs_move(refs: RefStore, tmp_path: Path) -> None:
    assert move(refs, RefChange(MAIN, None, ONE), RefChange(SIDE, None, TWO)).current() == ONE
    move(refs, RefChange(MAIN, ONE, SIX), RefChange(SIDE, TWO, None), head=SIDE)
    assert refs.read() == Refs(SIDE, {MAIN: SIX})
    assert refs.read().current() is None
    assert refs.read().under(HEADS) == {"main": SIX}
    assert (tmp_path / "refs").read_text() == f"sovr refs 1\nHEAD {SIDE}\n{SIX} {MAIN}\nend\n"
    assert [entry["changes"] for entry in refs.journal()] == [
        [[MAIN, "", str(ONE)], [SIDE, "", str(TWO)]],
        [[MAIN, str(ONE), str(SIX)], [SIDE, str(TWO), ""]],
    ]


@pytest.mark.parametrize(
    "stale",
    [
        RefChange(SIDE, None, SIX),
        RefChange(SIDE, ONE, SIX),
        RefChange(SIDE, SIX, None),
        RefChange(f"{HEADS}new", ONE, SIX),
    ],
)
def test_a_stale_expectation_moves_nothing(refs: RefStore, tmp_path: Path, stale: RefChange) -> None:
    move(refs, RefChange(MAIN, None, ONE), RefChange(SIDE, None, TWO))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RevisionNotFound, match=stale.name):
        move(refs, RefChange(MAIN, ONE, SIX), stale, head=SIDE)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_to_move_writes_nothing(refs: RefStore, tmp_path: Path) -> None:
    move(refs, RefChange(MAIN, None, ONE))
    before = (tmp_path / "refs").stat().st_ino
    move(refs, RefChange(MAIN, ONE, ONE))
    assert (tmp_path / "refs").stat().st_ino == before
    assert len(refs.journal()) == 1


def damaged(good: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "a header only": good[:12],
        "no head": good.replace(b"HEAD ", b""),
        "cut off in an id": good[:-80],
        "cut off in a name": good[:-3],
        "cut off before the line feed": good[:-1],
        "an id too short": good.replace(str(ONE).encode(), str(ONE)[:-1].encode()),
        "an id in capitals": good.replace(str(ONE).encode(), str(ONE).upper().encode()),
        "an unsafe name": good.replace(b"refs/heads/side", b"refs/heads/../side"),
        "a name outside": good.replace(b"refs/heads/side", b"heads/side"),
        "cut off between two lines": good.removesuffix(b"end\n"),
        "a name twice": good.removesuffix(b"end\n") + f"{SIX} {SIDE}\nend\n".encode(),
        "more than the end": good + f"{SIX} refs/heads/x\n".encode(),
        "an empty line": good + b"\n",
        "not UTF-8": good.replace(b"side", b"s\xffde"),
        "another version": good.replace(b"refs 1", b"refs 2"),
        "zeros": bytes(len(good)),
        "carriage returns": good.replace(b"\n", b"\r\n"),
    }


@pytest.mark.parametrize("name", damaged(b""))
def test_a_damaged_file_is_refused(refs: RefStore, tmp_path: Path, name: str) -> None:
    move(refs, RefChange(MAIN, None, ONE), RefChange(SIDE, None, TWO))
    path = tmp_path / "refs"
    path.write_bytes(damaged(path.read_bytes())[name])
    with pytest.raises(IntegrityFailure):
        refs.read()
    before = path.read_bytes()
    with pytest.raises(IntegrityFailure):
        move(refs, RefChange(MAIN, ONE, TWO))
    assert path.read_bytes() == before


def test_a_file_that_is_gone_is_reported(refs: RefStore, tmp_path: Path) -> None:
    (tmp_path / "refs").unlink()
    with pytest.raises(StorageFailure):
        refs.read()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "main",
        "refs/",
        "refs/heads/",
        "refs//main",
        "refs/heads/a b",
        "refs/heads/a\nb",
        "refs/heads/.a",
        "refs/heads/a.",
        "refs/heads/a..b",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a~1",
        "refs/heads/a^",
        "refs/heads/a:b",
        "refs/heads/a?",
        "refs/heads/a*",
        "refs/heads/a[b",
        "refs/heads/a\\b",
        "refs/heads/a@{1}",
        "refs/heads/\x7f",
        "refs/heads/\0",
        "refs/heads/\udcff",
        "refs/heads/" + "a" * 1024,
    ],
)
def test_names_that_are_refused(refs: RefStore, tmp_path: Path, name: str) -> None:
    before = (tmp_path / "refs").read_bytes()
    with pytest.raises(UnsafeName):
        move(refs, RefChange(name, None, ONE))
    with pytest.raises(UnsafeName):
        move(refs, RefChange(MAIN, None, ONE), head=name or "x")
    assert (tmp_path / "refs").read_bytes() == before
    assert refs.journal() == []


@settings(deadline=None)
@given(parts=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3), values=st.data())
def test_every_name_that_is_accepted_can_be_read_again(parts: list[str], values: st.DataObject) -> None:
    """Among them names with what Unicode takes for the end of a line."""
    name = HEADS + "/".join(parts)
    with tempfile.TemporaryDirectory() as folder:
        refs = RefStore(Path(folder))
        refs.create()
        try:
            check_ref(name)
        except UnsafeName:
            return
        value = values.draw(st.sampled_from([ONE, TWO, SIX]))
        move(refs, RefChange(name, None, value), head=name)
        assert refs.read() == Refs(name, {name: value})
        [entry] = refs.journal()
        assert entry["head"] == name


@pytest.mark.parametrize("character", "\x85\u2028\u2029\u00a0é😀")
def test_names_with_odd_characters(refs: RefStore, character: str) -> None:
    name = f"{HEADS}a{character}b"
    move(refs, RefChange(name, None, ONE), RefChange(MAIN, None, TWO))
    assert refs.read().values == {name: ONE, MAIN: TWO}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"\Arefs/(heads|tags|runs)/[a-z0-9-]{1,12}\Z"), st.binary(min_size=32, max_size=32), max_size=8
    )
)
def test_the_text_reads_back(values: dict[str, bytes]) -> None:
    refs = Refs(DEFAULT_BRANCH, {name: ObjectId(value) for name, value in values.items()})
    assert Refs.decode(refs.encode()) == refs


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityFailure):
        Refs.decode(data)


# --- the journal ------------------------------------------------------------------------------------------------


def test_a_line_that_was_cut_off_is_left_out(refs: RefStore, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    move(refs, RefChange(MAIN, None, ONE))
    move(refs, RefChange(MAIN, ONE, TWO))
    whole = journal.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):
        journal.write_bytes(whole[:length])
        assert len(refs.journal()) == 1
    journal.write_bytes(whole)
    assert len(refs.journal()) == 2


def test_lines_after_one_that_was_cut_off_are_kept(refs: RefStore, tmp_path: Path) -> None:
    move(refs, RefChange(MAIN, None, ONE))
    move(refs, RefChange(MAIN, ONE, TWO))
    journal = tmp_path / "journal"
    journal.write_bytes(journal.read_bytes()[:-20])
    move(refs, RefChange(MAIN, TWO, SIX))
    move(refs, RefChange(MAIN, SIX, ONE))
    assert [entry["changes"] for entry in refs.journal()] == [
        [[MAIN, "", str(ONE)]],
        [[MAIN, str(TWO), str(SIX)]],
        [[MAIN, str(SIX), str(ONE)]],
    ]


@pytest.mark.parametrize("noise", [b"\0" * 50, b"\xff\xfe\n", b"[1]\n", b"7\n", b"\n\n", b"{}}\n"])
def test_noise_in_the_journal_is_left_out(refs: RefStore, tmp_path: Path, noise: bytes) -> None:
    move(refs, RefChange(MAIN, None, ONE))
    with open(tmp_path / "journal", "ab") as file:
        file.write(noise)
    move(refs, RefChange(MAIN, ONE, TWO))
    assert len(refs.journal()) == 2


def test_the_journal_comes_before_the_refs(refs: RefStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that only the journal names is kept; one that nobody names is not."""
    move(refs, RefChange(MAIN, None, ONE))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(StorageFull):
            move(refs, RefChange(MAIN, ONE, TWO))
    assert refs.read().current() == ONE
    assert len(refs.journal()) == 2
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageFull):
            move(refs, RefChange(MAIN, ONE, SIX))
    assert refs.read().current() == ONE


def test_a_short_write_to_the_journal_is_completed(refs: RefStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, memoryview(data)[:7]))
    move(refs, RefChange(MAIN, None, ONE))
    assert refs.journal() == [{"time": 1, "command": "test", "head": MAIN, "changes": [[MAIN, "", str(ONE)]]}]


def test_the_journal_is_a_line_of_json_each(refs: RefStore, tmp_path: Path) -> None:
    refs.update([RefChange(MAIN, None, ONE)], command='commit -m "a\nb"', time_ns=5)
    [line] = (tmp_path / "journal").read_bytes().splitlines()
    assert json.loads(line)["command"] == 'commit -m "a\nb"'


COUNTER = """
import sys
from pathlib import Path
from sovrgit.objects.ids import blob_id
from sovrgit.pod.lock import locked
from sovrgit.pod.refs import DEFAULT_BRANCH, RefChange, RefStore
folder = Path(sys.argv[1])
refs = RefStore(folder)
for n in range(20):
    with locked(folder / "lock"):
        old = refs.read().current()
        new = blob_id(old or b"")
        refs.update([RefChange(DEFAULT_BRANCH, old, new)], command=sys.argv[2], time_ns=n)
"""


def test_two_processes_lose_no_move(refs: RefStore, tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTER, str(tmp_path)]
    for process in [subprocess.Popen([*command, name]) for name in ("one", "two")]:
        assert process.wait(120) == 0
    expected: ObjectId | None = None
    for _ in range(40):
        expected = blob_id(expected or b"")
    assert refs.read().current() == expected
    assert len(refs.journal()) == 40


def test_errors_are_ones_that_users_can_act_upon() -> None:
    for error in (RevisionNotFound, UnsafeName, IntegrityFailure, StorageFull):
        assert issubclass(error, SovrError)
