"""External payload in its place: what a run is given, what the record says, and what no command takes for the pod's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from run_lab import Lab

from sovrgit.errors import IntegrityFailure, ObjectInvalid, ObjectMissing, PayloadClash, PayloadUnavailable, UnsafeName
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import External
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding
from sovrgit.pod.external import NOTE, read_placed
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status
from sovrgit.runs import placing
from sovrgit.runs.supplied import Supplied
from sovrgit.store.session import WriteSession

COMMIT = ObjectId(b"c" * 32)

Files = dict[str, Any]
"""A folder: names with text, or again with a folder."""


def entry_of(lab: Lab, content: str | Files, kind: EntryKind = EntryKind.FILE) -> TreeEntry:
    """Store a file or folder; its entry, without a name."""
    with lab.pod.store.session() as session:
        entry = _store(session, content, kind)
        session.commit()
    return entry


def _store(session: WriteSession, content: str | Files, kind: EntryKind = EntryKind.FILE) -> TreeEntry:
    if isinstance(content, str):
        return TreeEntry(b"", kind, session.add(Kind.BLOB, content.encode()), len(content.encode()))
    tree = Tree.of(_store(session, below)._replace(name=os.fsencode(name)) for name, below in content.items())
    return TreeEntry(b"", EntryKind.DIRECTORY, session.add(Kind.TREE, tree.encode()), tree.size)


def given(lab: Lab, name: str, content: str | Files, kind: EntryKind = EntryKind.FILE, path: str = "data") -> Supplied:
    entry = entry_of(lab, content, kind)
    return Supplied(External("other pod", COMMIT, path, entry.id), name.encode(), entry)


def external(lab: Lab) -> dict[str, bytes]:
    """What lies in the folder of external payload."""
    return {
        path.removeprefix("payload/external/"): data
        for path, data in lab.on_disk().items()
        if path.startswith("payload/external/")
    }


@pytest.fixture
def lister(lab: Lab) -> Lab:
    """A pod that puts out what it finds in the folder of external payload."""
    lab.script(
        "cd payload && find external -type f | sort | xargs cat > ../output/out.txt; cat in.txt >> ../output/out.txt"
    )
    lab.commit()
    return lab


# --- placing ----------------------------------------------------------------------------------------------------


def test_a_run_finds_files_and_folders_where_they_were_wanted(lister: Lab) -> None:
    tool = given(lister, "tool", "#!/bin/sh\n", EntryKind.EXECUTABLE, path="bin/tool")
    result = lister.run(
        supplied=(given(lister, "a.txt", "a\n"), given(lister, "more", {"b.txt": "b\n", "empty": {}}), tool)
    )
    assert external(lister) == {"a.txt": b"a\n", "more/b.txt": b"b\n", "tool": b"#!/bin/sh\n"}
    assert lister.read("output/out.txt") == "a\nb\n#!/bin/sh\none\n"
    assert os.access(lister.root / "payload/external/tool", os.X_OK)
    assert (lister.root / "payload/external/more/empty").is_dir()
    recorded = lister.pod.store.run(result.id).external
    assert [(item.path, item.place, item.executable) for item in recorded] == [
        ("data", "a.txt", False),
        ("data", "more", False),
        ("bin/tool", "tool", True),
    ]


def test_it_is_never_part_of_the_pod(lister: Lab) -> None:
    result = lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert result.committed is not None
    assert status(lister.pod).is_clean
    tree = lister.pod.store.commit(result.committed.id).tree
    assert sorted(path for path in lister.files(tree) if path.startswith("payload")) == ["payload/in.txt"]
    assert sorted(lister.files(result.run.input)) == ["payload/in.txt", "recipe.json", "script/run.sh"]
    # Rules that take everything back in do not reach it either.
    lister.write(".sovrignore", "!*\n!payload/external\n!payload/external/**\n")
    lister.commit()
    assert "payload/external/a.txt" not in lister.files(lister.pod.head_tree())


def test_other_payload_is_another_computation(lister: Lab) -> None:
    first = lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert lister.run(supplied=(given(lister, "a.txt", "a\n"),)).reused
    other = lister.run(supplied=(given(lister, "a.txt", "other\n"),))
    assert lister.reasons == ("the payload `data` of `other pod` changed",)
    assert not other.reused and other.run.key != first.run.key
    assert lister.read("output/out.txt") == "other\none\n"
    assert not lister.run(supplied=(given(lister, "b.txt", "a\n"),)).reused


def test_what_an_earlier_run_was_given_is_gone(lister: Lab) -> None:
    lister.run(supplied=(given(lister, "", {"a": {"x": "1\n"}, "b": "2\n"}),))
    lister.run(supplied=(given(lister, "", {"a": {"y": "3\n"}}),))
    assert external(lister) == {"a/y": b"3\n"}
    lister.run(force=True)
    assert not (lister.root / "payload/external").exists() and read_placed(lister.pod.folder) == {}


def test_what_was_changed_there_is_put_right(lister: Lab) -> None:
    wanted = (given(lister, "", {"a": "1\n", "deep": {"b": "2\n"}}),)
    lister.run(supplied=wanted)
    lister.write("payload/external/deep/b", "by hand\n")
    lister.write("payload/external/deep/more", "by hand\n")
    (lister.root / "payload/external/a").chmod(0o755)
    lister.run(supplied=wanted, force=True)
    assert external(lister) == {"a": b"1\n", "deep/b": b"2\n"}
    assert not os.access(lister.root / "payload/external/a", os.X_OK)


def test_what_is_there_already_is_not_written_again(lister: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (given(lister, "", {"a": "1\n", "deep": {"b": "2\n"}}),)
    lister.run(supplied=wanted)
    before = (lister.root / "payload/external/deep/b").stat().st_ino
    monkeypatch.setattr(placing, "write_tree", pytest.fail)
    assert lister.run(supplied=wanted, force=True).run.succeeded
    assert (lister.root / "payload/external/deep/b").stat().st_ino == before


def test_payloads_that_share_folders_are_put_together(lister: Lab) -> None:
    one = given(lister, "", {"set": {"train": {"a": "1\n"}, "same": "s\n"}})
    two = given(lister, "", {"set": {"train": {"b": "2\n"}, "same": "s\n"}})
    lister.run(supplied=(one, two))
    assert external(lister) == {"set/same": b"s\n", "set/train/a": b"1\n", "set/train/b": b"2\n"}


@pytest.mark.parametrize(
    ("one", "two", "at"),
    [
        ({"a": "1"}, {"a": "2"}, "a"),
        ({"a": "1"}, {"a": {"b": "2"}}, "a"),
        ({"d": {"e": {"a": "1"}}}, {"d": {"e": {"a": "2"}}}, "d/e/a"),
    ],
)
def test_two_payloads_that_want_one_place_are_refused(lister: Lab, one: Files, two: Files, at: str) -> None:
    before = lister.on_disk()
    with pytest.raises(PayloadClash, match=f"`{at}`"):
        lister.run(supplied=(given(lister, "", one), given(lister, "", two)))
    assert lister.on_disk() == before and lister.runs() == 0


def test_a_file_cannot_be_spread_out(lister: Lab) -> None:
    with pytest.raises(PayloadClash, match="no name"):
        lister.run(supplied=(given(lister, "", "text"),))


def test_folders_without_end_are_not_put_together(lister: Lab) -> None:
    one: Files = {"end": "1"}
    two: Files = {"end": "2"}
    for _ in range(150):
        one, two = {"d": one}, {"d": two}
    with pytest.raises(PayloadClash):
        lister.run(supplied=(given(lister, "", one), given(lister, "", two)))


# --- what is in the way -----------------------------------------------------------------------------------------


def test_what_nobody_knows_is_left_alone_and_refused(lister: Lab) -> None:
    lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    lister.write("payload/external/mine.txt", "mine\n")
    with pytest.raises(PayloadClash, match=r"payload/external/mine\.txt") as error:
        lister.run(supplied=(given(lister, "b.txt", "b\n"),))
    assert "move it away" in error.value.hint
    assert external(lister) == {"a.txt": b"a\n", "mine.txt": b"mine\n"}
    (lister.root / "payload/external/mine.txt").unlink()
    assert lister.run(supplied=(given(lister, "b.txt", "b\n"),)).run.succeeded


def test_what_was_there_before_the_first_time_is_the_pods_own(lister: Lab) -> None:
    lister.write("payload/external/mine.txt", "mine\n")
    with pytest.raises(PayloadClash, match="of its own"):
        lister.run(supplied=(given(lister, "mine.txt", "other\n"),))
    result = lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert external(lister) == {"a.txt": b"a\n", "mine.txt": b"mine\n"}
    assert "payload/external/mine.txt" in lister.files(result.run.input)


def test_what_the_run_itself_put_there_goes_before_the_next(lister: Lab) -> None:
    lister.script("mkdir -p payload/external/cache; echo x > payload/external/cache/x; cp payload/in.txt output/")
    wanted = (given(lister, "a.txt", "a\n"),)
    lister.run(supplied=wanted)
    assert external(lister) == {"a.txt": b"a\n", "cache/x": b"x\n"}
    assert status(lister.pod).is_clean
    lister.script("ls payload/external > output/out.txt")
    lister.run(supplied=wanted)
    assert lister.read("output/out.txt") == "a.txt\n"


def test_what_the_pod_has_of_its_own_stays(lister: Lab) -> None:
    lister.write("payload/external/own/mine.txt", "mine\n")
    lister.write("payload/external/same.txt", "same\n")
    lister.commit()
    result = lister.run(supplied=(given(lister, "", {"a.txt": "a\n", "same.txt": "same\n"}),))
    assert external(lister) == {"a.txt": b"a\n", "own/mine.txt": b"mine\n", "same.txt": b"same\n"}
    assert "payload/external/own/mine.txt" in lister.files(result.run.input)
    assert "payload/external/a.txt" not in lister.files(result.run.input)
    with pytest.raises(PayloadClash, match="of its own"):
        lister.run(supplied=(given(lister, "own", {"b": "b\n"}),))
    lister.run(supplied=(given(lister, "b.txt", "b\n"),))
    assert external(lister) == {"b.txt": b"b\n", "own/mine.txt": b"mine\n", "same.txt": b"same\n"}
    assert status(lister.pod).is_clean


def test_a_link_in_the_way_is_not_followed(lister: Lab, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (lister.root / "payload/external").symlink_to(tmp_path / "elsewhere")
    with pytest.raises((UnsafeName, PayloadClash)):
        lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", [".sovr", ".git", ".SOVR", "sovr~1"])
def test_names_that_lead_into_a_repository_are_refused(lister: Lab, name: str) -> None:
    with pytest.raises(UnsafeName):
        lister.run(supplied=(given(lister, "", {"deep": {name: {"config": "x"}}}),))
    assert external(lister) == {} and list(lister.pod.temporary.iterdir()) == []


def test_sizes_that_are_not_so_are_refused(lister: Lab) -> None:
    honest = given(lister, "a.txt", "a\n")
    with pytest.raises(ObjectInvalid):
        lister.run(supplied=(honest._replace(entry=honest.entry._replace(size=1 << 40)),))
    assert external(lister) == {}


def test_what_is_not_in_the_store_cannot_be_placed(lister: Lab) -> None:
    gone = TreeEntry(b"", EntryKind.FILE, ObjectId(b"x" * 32), 3)
    with pytest.raises(ObjectMissing):
        lister.run(supplied=(Supplied(External("r", COMMIT, "p", gone.id), b"p", gone),))
    assert external(lister) == {}


@pytest.mark.parametrize("note", [b"", b"[]", b'{"payload/external": 1}', b'{"a": {"names": ["../x"], "tree": null}}'])
def test_a_damaged_note_is_said(lister: Lab, note: bytes) -> None:
    (lister.pod.folder / NOTE).write_bytes(note)
    with pytest.raises(IntegrityFailure, match=r"\.sovr/external"):
        status(lister.pod)


# --- killed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(12))
def test_a_kill_at_any_moment_leaves_what_the_next_run_puts_right(
    lister: Lab, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every change of the file system goes through one of these calls; the process ends at one after the other."""
    lister.run(supplied=(given(lister, "", {"a": {"x": "1\n"}, "b": "2\n"}),))
    done = 0

    def counted(call: Any) -> Any:
        def called(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done > moment:
                raise KeyboardInterrupt
            return call(*arguments, **named)

        return called

    wanted = (given(lister, "", {"a": {"y": "3\n"}, "c": "4\n"}),)
    with monkeypatch.context() as patch:
        for module, name in ((os, "rename"), (placing, "write_tree"), (placing, "write_placed")):
            patch.setattr(module, name, counted(getattr(module, name)))
        # Nobody clears up after a process that is killed.
        patch.setattr(placing, "_remove", lambda _: None)
        try:
            placing.place_external(lister.pod, "payload/external", wanted, lister.pod.head_tree())
        except KeyboardInterrupt:
            pass
    assert status(lister.pod).is_clean
    lister.run(supplied=wanted, force=True)
    assert external(lister) == {"a/y": b"3\n", "c": b"4\n"}


def test_a_folder_of_another_file_system_is_filled_too(lister: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    rename = os.rename

    def across(source: Any, target: Any, **named: Any) -> None:
        if "external" in Path(source).parts or "external" in Path(target).parts:
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target, **named)

    lister.run(supplied=(given(lister, "", {"a": {"x": "1\n"}, "b": "2\n"}),))
    monkeypatch.setattr(os, "rename", across)
    lister.run(supplied=(given(lister, "", {"a": {"y": "3\n"}, "c": "4\n"}),))
    assert external(lister) == {"a/y": b"3\n", "c": b"4\n"}


# --- repeating --------------------------------------------------------------------------------------------------


def test_a_repeat_is_given_the_same(lister: Lab) -> None:
    wanted = (given(lister, "", {"a.txt": "a\n"}), given(lister, "b.txt", "b\n", path="b.txt"))
    first = lister.run(supplied=wanted)
    shutil.rmtree(lister.root / "payload/external")
    repeated = lister.rerun(first.id, supplied=wanted)
    assert repeated.run.output == first.run.output
    assert repeated.run.external == first.run.external and repeated.run.key == first.run.key
    assert not (lister.root / "payload/external").exists()
    elsewhere = tuple(item._replace(external=item.external._replace(reference="moved")) for item in wanted)
    assert lister.rerun(first.id, supplied=elsewhere).run.output == first.run.output


@pytest.mark.parametrize("much", [0, 1, 3])
def test_a_repeat_that_is_given_something_else_is_refused(lister: Lab, much: int) -> None:
    wanted = (given(lister, "a.txt", "a\n"), given(lister, "b.txt", "b\n", path="b.txt"))
    first = lister.run(supplied=wanted)
    other = (*wanted, given(lister, "c.txt", "c\n"))[:much]
    with pytest.raises(PayloadUnavailable, match="the repeat was not given"):
        lister.rerun(first.id, supplied=other)


def test_verifying_with_external_payload(lister: Lab) -> None:
    wanted = (given(lister, "", {"a.txt": "a\n"}),)
    first = lister.run(supplied=wanted)
    assert lister.verify(first.id, supplied=wanted).verdict.finding is Finding.IDENTICAL


def test_an_empty_folder_is_no_payload_but_may_be_given(lister: Lab) -> None:
    empty = TreeEntry(b"", EntryKind.DIRECTORY, EMPTY_TREE_ID, 0)
    result = lister.run(supplied=(Supplied(External("r", COMMIT, "p", empty.id), b"", empty),))
    assert result.run.succeeded and external(lister) == {}


def test_a_payload_folder_that_is_the_whole_pod(lister: Lab) -> None:
    lister.recipe("sh script/run.sh", payload=".")
    lister.script("cat external/a.txt > output/out.txt")
    lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert lister.read("output/out.txt") == "a\n" and status(lister.pod).is_clean


def test_another_payload_folder_leaves_nothing_in_the_first(lister: Lab) -> None:
    lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    lister.recipe("sh script/run.sh", payload="inputs")
    lister.script("cat inputs/external/a.txt > output/out.txt")
    lister.run(supplied=(given(lister, "a.txt", "a\n"),))
    assert not (lister.root / "payload/external").exists()
    with Pod(lister.root) as again:
        assert status(again).is_clean
