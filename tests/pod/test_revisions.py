"""What names of commits stand for, and what is said of those that stand for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pod_lab import Lab, text

from sovrgit.errors import ObjectMissing, PathNotFound, RevisionAmbiguous, RevisionNotFound, RunNotFound
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EntryKind
from sovrgit.pod import revisions
from sovrgit.pod.pod import Pod
from sovrgit.pod.revisions import resolve_any, resolve_commit, resolve_path, resolve_run, resolve_tree
from sovrgit.store.store import ObjectStore


class History:
    """`root` - `left` - `merge` - `top`, with `right` - `side` as the merge's second parent, and a run behind `top`."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.files = {b"d/\xff\n": text(b"odd"), b"a": text(b"1")}
        self.root = lab.add_commit({b"a": text(b"0")})
        self.left = lab.add_commit(self.files, self.root)
        self.side = lab.add_commit({b"a": text(b"2")}, self.root)
        self.right = lab.add_commit({b"a": text(b"3")}, self.side)
        self.merge = lab.add_commit(self.files, self.left, self.right)
        self.tree = lab.pod.store.commit(self.merge).tree
        with lab.pod.store.session() as session:
            self.run = session.add(Kind.RUN, self._run().encode())
            made = Commit(self.tree, (self.merge,), lab.who(), "Run", run=self.run)
            self.top = session.add(Kind.COMMIT, made.encode())
            self.tag = session.add(Kind.TAG, Tag("v1", self.left, Kind.COMMIT, lab.who(), "").encode())
            self.outer = session.add(Kind.TAG, Tag("v2", self.tag, Kind.TAG, lab.who(), "").encode())
            self.odd_tag = session.add(Kind.TAG, Tag("tree", self.tree, Kind.TREE, lab.who(), "").encode())
            session.commit()
        for name, target in {
            "refs/heads/main": self.top,
            "refs/heads/topic/one": self.side,
            "refs/heads/both": self.root,
            "refs/tags/both": self.left,
            "refs/tags/v1": self.tag,
            "refs/tags/v2": self.outer,
            "refs/tags/odd": self.odd_tag,
            "refs/tags/light": self.side,
            "refs/remotes/origin/main": self.right,
            "refs/remotes/origin/dev": self.side,
            f"refs/runs/{self.run}": self.run,
        }.items():
            lab.point(name, target)

    def _run(self) -> Run:
        return Run(
            RunStatus.SUCCEEDED,
            "lab",
            self.root,
            self.tree,
            self.root,
            ("true",),
            {"name": "local"},
            {"os": "any"},
            1,
            2,
        )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """One for all tests, which take back what they do to refs."""
    with Pod.create(tmp_path_factory.mktemp("history") / "pod") as pod:
        yield History(Lab(pod))


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("HEAD", "top"),
        ("@", "top"),
        ("", "top"),
        ("main", "top"),
        ("heads/main", "top"),
        ("refs/heads/main", "top"),
        ("topic/one", "side"),
        ("origin", "right"),
        ("origin/main", "right"),
        ("origin/dev", "side"),
        ("remotes/origin/dev", "side"),
        ("light", "side"),
        ("v1", "left"),
        ("v2", "left"),
        ("refs/tags/v2", "left"),
        ("both", "left"),
        ("heads/both", "root"),
        ("HEAD~", "merge"),
        ("HEAD^", "merge"),
        ("@~1", "merge"),
        ("~2", "left"),
        ("^^", "left"),
        ("HEAD~0", "top"),
        ("HEAD^0", "top"),
        ("v1^0", "left"),
        ("HEAD^1^2", "right"),
        ("HEAD~1^2", "right"),
        ("HEAD~1^2~1", "side"),
        ("HEAD~1^2~2", "root"),
        ("HEAD~~^2", None),
        ("HEAD~3", "root"),
        ("HEAD~4", None),
        ("HEAD^3", None),
        ("HEAD^2", None),
        ("HEAD~999999999", None),
        ("HEAD~99999999999999999999", None),
        ("HEAD~" + "9" * 5000, None),
        ("HEAD~\u0661", None),
        ("HEAD~1\n", None),
        ("none", None),
        ("none~1", None),
        ("refs/heads", None),
        ("abc", None),
        ("head", None),
        ("\udcff", None),
    ],
)
def test_every_form(history: History, revision: str, expected: str | None) -> None:
    pod = history.lab.pod
    if expected is None:
        with pytest.raises(RevisionNotFound) as caught:
            resolve_commit(pod, revision)
        assert caught.value.fields["revision"] == revision
        assert caught.value.hint
    else:
        assert resolve_commit(pod, revision) == getattr(history, expected)


def test_ids_and_their_first_digits(history: History) -> None:
    pod = history.lab.pod
    for digits in (64, 20, 10):
        assert resolve_commit(pod, str(history.side)[:digits]) == history.side
        assert resolve_commit(pod, str(history.outer)[:digits]) == history.left
        assert resolve_commit(pod, str(history.merge)[:digits] + "^2~1") == history.side
        assert resolve_tree(pod, str(history.tree)[:digits]) == history.tree
        assert resolve_run(pod, str(history.run)[:digits]) == history.run
        assert resolve_any(pod, str(history.run)[:digits]) == (history.run, Kind.RUN)
    with pytest.raises(RevisionNotFound):
        resolve_commit(pod, str(history.side)[:3])
    with pytest.raises(RevisionNotFound):
        resolve_commit(pod, "0" * 64)


def test_steps_that_lead_nowhere_say_why(history: History) -> None:
    pod = history.lab.pod
    for revision, said in (
        ("HEAD^2", f"{history.top.short} has 1 parent"),
        ("HEAD~1^3", f"{history.merge.short} has 2 parents"),
        ("HEAD~9", f"the history begins with {history.root.short}"),
    ):
        with pytest.raises(RevisionNotFound) as caught:
            resolve_commit(pod, revision)
        assert caught.value.hint.startswith(said)


def test_what_is_no_commit_says_what_it_is(history: History) -> None:
    pod = history.lab.pod
    short = history.run.short
    for revision, said in (
        (short, f"it names a run; `sovr show {short}` shows it"),
        (str(history.tree), f"it names a tree; `sovr show {history.tree}` shows it"),
        ("odd", "it names a tree"),
        (f"refs/runs/{history.run}", "it names a run"),
    ):
        with pytest.raises(RevisionNotFound) as caught:
            resolve_commit(pod, revision)
        assert caught.value.hint == said


def _sharing(monkeypatch: pytest.MonkeyPatch, *found: tuple[ObjectId, Kind]) -> None:
    def starting_with(store: ObjectStore, prefix: str, limit: int = 20) -> list[tuple[ObjectId, Kind]]:
        return list(found)[:limit]

    monkeypatch.setattr(ObjectStore, "starting_with", starting_with)


def test_digits_that_several_share(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    pod = history.lab.pod
    blobs = [(ObjectId(bytes([number]) * 32), Kind.BLOB) for number in range(30)]
    _sharing(monkeypatch, *blobs, (history.left, Kind.COMMIT), (history.run, Kind.RUN), (history.tree, Kind.TREE))
    # Many other objects do not hide the one commit, run or tree.
    assert resolve_commit(pod, "abcd") == history.left
    assert resolve_run(pod, "abcd") == history.run
    _sharing(monkeypatch, (history.left, Kind.COMMIT), (history.right, Kind.COMMIT))
    for resolve in (resolve_commit, resolve_tree, resolve_any, resolve_run):
        with pytest.raises(RevisionAmbiguous) as caught:
            resolve(pod, "abcd")
        assert caught.value.fields["candidates"] == f"{history.left.short}, {history.right.short}"
        assert caught.value.hint == "give more digits"
    _sharing(monkeypatch, (history.run, Kind.RUN), (history.top, Kind.RUN))
    with pytest.raises(RevisionAmbiguous):
        resolve_run(pod, "abcd")
    _sharing(monkeypatch, *blobs)
    with pytest.raises(RevisionAmbiguous) as caught:
        resolve_any(pod, "abcd")
    assert str(caught.value.fields["candidates"]).count(",") == 10
    assert str(caught.value.fields["candidates"]).endswith("…")


def test_a_name_comes_before_digits(history: History) -> None:
    history.lab.point(f"refs/heads/{history.left.short}", history.root)
    assert resolve_commit(history.lab.pod, history.left.short) == history.root
    history.lab.point(f"refs/heads/{history.left.short}", None)


def test_an_object_that_is_missing_is_not_called_unknown(history: History) -> None:
    missing = ObjectId(bytes(32))
    history.lab.point("refs/heads/broken", missing)
    for revision in ("broken", "broken~1"):
        with pytest.raises(ObjectMissing):
            resolve_commit(history.lab.pod, revision)
    history.lab.point("refs/heads/broken", None)


def test_before_the_first_commit(lab: Lab) -> None:
    for resolve in (resolve_commit, resolve_tree, resolve_any):
        with pytest.raises(RevisionNotFound) as caught:
            resolve(lab.pod, "HEAD")
        assert "there is no commit yet" in caught.value.hint
    with pytest.raises(RunNotFound):
        resolve_run(lab.pod, "HEAD")
    with pytest.raises(RevisionNotFound):
        resolve_path(lab.pod, "HEAD", b"")


def test_paths_in_revisions(history: History) -> None:
    pod = history.lab.pod
    entry = resolve_path(pod, "HEAD~1", b"d/\xff\n")
    assert pod.store.read(entry.id, Kind.BLOB) == b"odd"
    assert resolve_path(pod, "v1", b"d").is_directory
    assert resolve_path(pod, str(history.tree), b"a").size == 1
    top = resolve_path(pod, "HEAD", b"")
    assert (top.kind, top.id, top.size) == (EntryKind.DIRECTORY, history.tree, 4)
    for path, shown in ((b"none", "none"), (b"d/none", "d/none"), (b"a/x", "a/x"), (b"\xfe", r"\xfe")):
        with pytest.raises(PathNotFound) as caught:
            resolve_path(pod, "HEAD", path)
        assert caught.value.message == f"no `{shown}` in `HEAD`"
    with pytest.raises(RevisionNotFound):
        resolve_path(pod, "none", b"a")


def test_trees(history: History) -> None:
    pod = history.lab.pod
    assert resolve_tree(pod, "HEAD") == history.tree
    assert resolve_tree(pod, "v2") == pod.store.commit(history.left).tree
    with pytest.raises(RevisionNotFound) as caught:
        resolve_tree(pod, history.run.short)
    assert "it names a run" in caught.value.hint


def test_runs(history: History) -> None:
    pod = history.lab.pod
    assert resolve_run(pod, "HEAD") == history.run
    assert resolve_run(pod, history.top.short) == history.run
    with pytest.raises(RunNotFound) as caught:
        resolve_run(pod, "HEAD~1")
    assert "was not made by a run" in caught.value.hint
    for text_ in ("none", "0" * 64, "0000"):
        with pytest.raises(RunNotFound) as caught:
            resolve_run(pod, text_)
        assert caught.value.hint == "run `sovr runs` to see the runs"


def test_anything(history: History) -> None:
    pod = history.lab.pod
    assert resolve_any(pod, "HEAD^") == (history.merge, Kind.COMMIT)
    blob = resolve_path(pod, "HEAD", b"a").id
    assert resolve_any(pod, str(blob)) == (blob, Kind.BLOB)
    assert resolve_any(pod, str(history.tree)) == (history.tree, Kind.TREE)
    with pytest.raises(RevisionNotFound) as caught:
        resolve_any(pod, "none")
    assert caught.value.hint == "run `sovr log` to see the commits"
    with pytest.raises(RevisionNotFound):
        resolve_any(pod, "refs/heads/none")


def test_the_shortest_id_has_as_many_digits_as_in_git() -> None:
    assert revisions.MIN_DIGITS == 4
