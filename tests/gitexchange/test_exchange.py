"""Going on, on both sides: what is new comes over, and nothing else happens."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from dulwich.repo import Repo
from git_lab import NOW, Git, again, everything, exported, imported, reachable, refs_of

from sovrgit.errors import GitRefRefused, Locked, RemoteExists, RevisionNotFound, StorageFull
from sovrgit.gitexchange.ids import GitKind, git_id
from sovrgit.gitexchange.repository import GitRepository
from sovrgit.gitexchange.sink import PackSink
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.run import Run
from sovrgit.objects.tag import Tag
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.paths import GIT_CACHE
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.pod.status import status

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000, 60)
LINK = bytes(range(20))


def committed(pod: Pod, message: str, *, amend: bool = False, **files: bytes) -> ObjectId:
    for name, data in files.items():
        (pod.root / name).write_bytes(data)
    return commit(pod, CommitRequest(ANN, message, amend=amend)).id


def with_run(pod: Pod) -> tuple[ObjectId, ObjectId]:
    """A commit that a run made; the run, and the commit."""
    head = pod.head()
    assert head is not None
    tree = pod.store.commit(head).tree
    none = blob_id(b"")
    run = Run(
        pod="p",
        key=none,
        input=tree,
        recipe=none,
        command=("sh", "run.sh"),
        executor={"name": "local"},
        platform={"system": "Linux"},
        started=NOW,
        finished=NOW + 1,
        status="succeeded",
        exit_code=0,
    )
    with pod.store.session() as session:
        record = session.add(Kind.RUN, run.encode())
        made = session.add(Kind.COMMIT, Commit(tree, (head,), ANN, "Run: p", run=record).encode())
        session.commit()
    pod.refs.update([RefChange("refs/heads/main", head, made)], command="run", time_ns=NOW)
    return record, made


def text_of(folder: Path, name: bytes) -> bytes:
    return everything(folder)[refs_of(folder)[name]]


def test_a_new_pod_has_files_branches_and_tags(git: Git, tmp_path: Path) -> None:
    first = git.commit(git.files(a=b"a"))
    git.ref("heads/main", git.commit(git.files(a=b"b"), first))
    git.ref("heads/old/one", first)
    git.ref("tags/v1", first)
    git.ref("heads/\udcff", first)
    git.ref("stash", first)
    done = imported(git, tmp_path / "pod")
    with done.pod as pod:
        assert (pod.root / "a").read_bytes() == b"b"
        assert pod.head() == done.head
        assert not status(pod).changes
        assert set(pod.refs.read().values) == {
            *("refs/heads/main", "refs/heads/old/one", "refs/tags/v1"),
            *("refs/remotes/git/main", "refs/remotes/git/old/one"),
        }
        assert pod.config.get("pod.foreign") == "true"
    assert (done.commits, done.files, done.skipped) == (2, 2, ["refs/heads/\\xff"])


def test_only_what_is_new_is_read(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = git.commit(git.files(a=b"a", b=b"b"))
    git.ref("heads/main", main)
    with imported(git, tmp_path / "pod").pod as pod:
        read: list[bytes] = []
        monkeypatch.setattr("sovrgit.gitexchange.objects.inflate", _watched(read))
        git.ref("heads/main", git.commit(git.files(a=b"a2", b=b"b"), main))
        done = again(pod, git)
        assert (done.commits, done.files) == (1, 1)
        assert len(read) < 10
        read.clear()
        assert not again(pod, git).moved
        assert read == []


def _watched(read: list[bytes]) -> object:
    from sovrgit.gitexchange.inflate import inflate

    def watched(*arguments: object) -> bytes:
        data: bytes = inflate(*arguments)  # type: ignore[arg-type]
        read.append(data)
        return data

    return watched


def test_branches_go_forward_and_nothing_of_ones_own_is_touched(git: Git, tmp_path: Path) -> None:
    first = git.commit(git.files(a=b"a"))
    for name in ("main", "forward", "both", "gone", "ours"):
        git.ref(f"heads/{name}", first)
    git.ref("tags/v1", first)
    with imported(git, tmp_path / "pod").pod as pod:
        start = pod.head()
        own = committed(pod, "Own", b=b"b")
        pod.refs.update([RefChange("refs/heads/both", start, own)], command="x", time_ns=NOW)
        pod.refs.update([RefChange("refs/heads/ours", start, own)], command="x", time_ns=NOW)
        pod.refs.update([RefChange("refs/heads/gone", start, None)], command="x", time_ns=NOW)
        second = git.commit(git.files(a=b"c"), first)
        for name in ("main", "forward", "both", "gone", "new"):
            git.ref(f"heads/{name}", second)
        git.ref("tags/v1", second)
        (git.folder / "refs/heads/ours").unlink()
        done = again(pod, git)
        values = pod.refs.read().values
        theirs = values["refs/remotes/git/main"]
        assert done.waiting == ["refs/heads/both", "refs/heads/main", "refs/tags/v1"]
        assert values["refs/heads/main"] == values["refs/heads/both"] == values["refs/heads/ours"] == own
        assert values["refs/heads/forward"] == values["refs/heads/new"] == theirs
        # What was removed here stays removed; what was removed there is no branch of it any more.
        assert "refs/heads/gone" not in values and "refs/remotes/git/ours" not in values
        assert values["refs/tags/v1"] == start
        assert (pod.root / "a").read_bytes() == b"a"
        merge(pod, MergeRequest(theirs, "git/main", ANN), time_ns=NOW)
        assert (pod.root / "a").read_bytes() == b"c"
        with pytest.raises(GitRefRefused, match=r"heads/both.*commits that are not in"):
            exported(pod, git.folder)
        pod.refs.update([RefChange("refs/heads/both", own, pod.head())], command="x", time_ns=NOW)
        with pytest.raises(GitRefRefused, match=r"tags/v1.*another tag"):
            exported(pod, git.folder)
        pod.refs.update([RefChange("refs/tags/v1", start, theirs)], command="x", time_ns=NOW)
        moved = [move.name for move in exported(pod, git.folder).moved]
        assert moved == ["refs/heads/both", "refs/heads/main", "refs/heads/ours"]
        assert text_of(git.folder, b"refs/heads/main").count(b"parent ") == 2


def test_what_git_adds_to_an_export_comes_back(git: Git, tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        own = committed(pod, "One", a=b"a")
        exported(pod, tmp_path / "out.git")
        out = Git.__new__(Git)
        out.folder = tmp_path / "out.git"
        theirs = out.commit(out.files(a=b"a", b=b"b"), refs_of(out.folder)[b"refs/heads/main"])
        out.ref("heads/main", theirs)
        (pod.folder / GIT_CACHE).unlink()
        assert again(pod, out).commits == 1
        found = pod.refs.read().values["refs/remotes/git/main"]
        assert pod.store.commit(found).parents == (own,)
        merge(pod, MergeRequest(found, "git/main", ANN), time_ns=NOW)
        assert exported(pod, out.folder).moved == []
        assert refs_of(out.folder) == {b"refs/heads/main": theirs}


def test_a_second_working_tree_has_a_branch_of_its_own(git: Git, tmp_path: Path) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    git.ref("heads/other", git.commit(git.files(a=b"other")))
    kept = git.folder / "worktrees" / "second"
    kept.mkdir(parents=True)
    (kept / "HEAD").write_text("ref: refs/heads/other\n")
    (kept / "commondir").write_text("../..\n")
    for name, told in (("first", git.folder), ("second", kept)):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".git").write_text(f"gitdir: {told}\n")
    for name, content in (("first", b"a"), ("second", b"other")):
        with imported(tmp_path / name, tmp_path / f"pod-{name}").pod as pod:
            assert (pod.root / "a").read_bytes() == content


def test_an_empty_pod_is_not_touched(git: Git, tmp_path: Path) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    with Pod.create(tmp_path / "pod") as pod:
        assert again(pod, git).waiting == ["refs/heads/main"]
        assert pod.head() is None and not (pod.root / "a").exists()
        merge(pod, MergeRequest(pod.refs.read().values["refs/remotes/git/main"], "git/main", ANN), time_ns=NOW)
        assert (pod.root / "a").read_bytes() == b"a"


def test_exports_are_stable(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "One", a=b"a", b=b"b")
        exported(pod, tmp_path / "slowly.git")
        with_run(pod)
        done = exported(pod, tmp_path / "slowly.git")
        assert (done.commits, done.notes) == (1, 1)
        (pod.root / "empty" / "er").mkdir(parents=True)
        head = committed(pod, "Two\n\nSigned-off-by: Ann <ann@example.org>", a=b"c")
        tag = Tag("v1", head, Kind.COMMIT, ANN, "Version 1")
        with pod.store.session() as session:
            named = session.add(Kind.TAG, tag.encode())
            session.commit()
        pod.refs.update([RefChange("refs/tags/v1", None, named)], command="tag", time_ns=NOW)
        done = exported(pod, tmp_path / "slowly.git")
        assert done.empty_folders and {move.name for move in done.moved} == {"refs/heads/main", "refs/tags/v1"}
        exported(pod, tmp_path / "at-once.git")
        (pod.folder / GIT_CACHE).unlink()
        exported(pod, tmp_path / "without-cache.git")
        for name in ("at-once.git", "without-cache.git"):
            assert reachable(tmp_path / name) == reachable(tmp_path / "slowly.git")
            assert notes(tmp_path / name) == notes(tmp_path / "slowly.git")
        again_done = exported(pod, tmp_path / "slowly.git")
        assert (again_done.commits, again_done.objects, again_done.moved) == (0, 0, [])
    with Repo(str(tmp_path / "slowly.git")) as repo:
        tree = repo[repo[b"refs/heads/main"].tree]
        assert sorted(tree) == [b"a", b"b"]


def notes(folder: Path) -> bytes | None:
    with GitRepository(folder) as repository:
        return repository.ref(b"refs/notes/sovr")


def test_runs_are_trailers_and_notes(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "One", a=b"a")
        record, _ = with_run(pod)
        exported(pod, tmp_path / "out.git")
    with Repo(str(tmp_path / "out.git")) as repo:
        head = repo[b"refs/heads/main"]
        assert head.message == f"Run: p\n\nSovr-Run: {record}\n".encode()
        note = repo.notes.get_note(head.id, b"refs/notes/sovr")
        found = json.loads(note)
        assert (found["run"], found["status"], found["command"]) == (str(record), "succeeded", ["sh", "run.sh"])


def test_notes_of_others_are_kept(git: Git, tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "One", a=b"a")
        with_run(pod)
        exported(pod, tmp_path / "out.git")
    with Pod.create(tmp_path / "other") as pod:
        committed(pod, "Other", c=b"c")
        with_run(pod)
        pod.refs.update(
            [RefChange("refs/heads/other", None, pod.head()), RefChange("refs/heads/main", pod.head(), None)],
            command="x",
            time_ns=NOW,
            head="refs/heads/other",
        )
        exported(pod, tmp_path / "out.git")
    with Repo(str(tmp_path / "out.git")) as repo:
        for name in (b"refs/heads/main", b"refs/heads/other"):
            assert repo.notes.get_note(repo[name].id, b"refs/notes/sovr")


def test_submodules_go_on_in_commits_made_here(git: Git, tmp_path: Path) -> None:
    rows = [(b"160000", b"sub", LINK), (b"100664", b"odd", git.blob(b"odd")), (b"100644", b"a", git.blob(b"a"))]
    git.ref("heads/main", git.commit(git.tree(*rows)))
    with imported(git, tmp_path / "pod").pod as pod:
        committed(pod, "Two", a=b"b", odd=b"changed")
        exported(pod, tmp_path / "out.git")
        assert root_of(tmp_path / "out.git") == {
            *((b"160000", b"sub", LINK), (b"100664", b"odd", git_id(GitKind.BLOB, b"changed"))),
            (b"100644", b"a", git_id(GitKind.BLOB, b"b")),
        }
        (pod.root / "odd").unlink()
        committed(pod, "Three", sub=b"a file now")
        exported(pod, tmp_path / "out.git")
        assert root_of(tmp_path / "out.git") == {
            *((b"100644", b"sub", git_id(GitKind.BLOB, b"a file now")), (b"100644", b"a", git_id(GitKind.BLOB, b"b"))),
        }


def root_of(folder: Path) -> set[tuple[bytes, bytes, bytes]]:
    from sovrgit.gitexchange.treeform import split_tree

    found = everything(folder)
    tree = bytes.fromhex(text_of(folder, b"refs/heads/main")[5:45].decode())
    return set(split_tree(tree, found[tree]))


def test_an_amended_commit_is_one_of_ours(git: Git, tmp_path: Path) -> None:
    tree = git.tree((b"160000", b"sub", LINK), (b"100644", b"a", git.blob(b"a")))
    git.ref("heads/main", git.commit(tree, headers=b"gpgsig x", message=b"\xff"))
    with imported(git, tmp_path / "pod").pod as pod:
        committed(pod, "Said otherwise", amend=True)
        done = exported(pod, tmp_path / "out.git")
        assert done.changed == []
        raw = text_of(tmp_path / "out.git", b"refs/heads/main")
        assert raw.endswith(b"\n\nSaid otherwise\n") and b"gpgsig" not in raw
        assert (b"160000", b"sub", LINK) in root_of(tmp_path / "out.git")
        with pytest.raises(GitRefRefused, match="has commits that are not in this pod"):
            exported(pod, git.folder)
        assert exported(pod, git.folder, force=True).moved


def test_a_commit_that_claims_another_id_is_one_of_ours(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        head = committed(pod, "One", a=b"a")
        liar = Commit(
            pod.store.commit(head).tree, (head,), ANN, "Liar", extra={"git": {"id": bytes(20), "headers": b"x y"}}
        )
        with pod.store.session() as session:
            made = session.add(Kind.COMMIT, liar.encode())
            session.commit()
        pod.refs.update([RefChange("refs/heads/main", head, made)], command="x", time_ns=NOW)
        assert exported(pod, tmp_path / "out.git").changed == [made]
        raw = text_of(tmp_path / "out.git", b"refs/heads/main")
        assert raw.endswith(b"\n\nLiar\n") and b"x y" not in raw


def test_large_files_become_pointers(git: Git, tmp_path: Path) -> None:
    large = b"from git " * 200
    git.ref("heads/main", git.commit(git.files(old=large)))
    with imported(git, tmp_path / "pod").pod as pod:
        new = b"made here " * 200
        (pod.root / "out put").mkdir()
        (pod.root / "out put" / "[1].bin").write_bytes(new)
        committed(pod, "Two")
        done = exported(pod, tmp_path / "out.git", lfs_over=1000)
        assert done.pointers == 1
        digest = sha256(new).hexdigest()
        kept = tmp_path / "out.git" / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
        assert kept.read_bytes() == new
        found = everything(tmp_path / "out.git")
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(new)}\n".encode()
        assert found[git_id(GitKind.BLOB, pointer)] == pointer
        # What has come from Git stays as it was, or its ids would not come back.
        assert git_id(GitKind.BLOB, large) in found and git_id(GitKind.BLOB, new) not in found
        attributes = next(blob for _, name, blob in root_of(tmp_path / "out.git") if name == b".gitattributes")
        assert found[attributes] == b'"/out\\040put/\\\\[1\\\\].bin" filter=lfs diff=lfs merge=lfs -text\n'
        assert exported(pod, tmp_path / "out.git", lfs_over=1000).objects == 0
        exported(pod, tmp_path / "twice.git", lfs_over=1000)
        assert refs_of(tmp_path / "twice.git") == refs_of(tmp_path / "out.git")
        kept.unlink()
        assert exported(pod, tmp_path / "out.git", lfs_over=1000).commits == 0
        with pytest.raises(GitRefRefused, match="another limit"):
            exported(pod, tmp_path / "out.git")
        exported(pod, tmp_path / "plain.git")
        assert git_id(GitKind.BLOB, new) in everything(tmp_path / "plain.git")
    told = imported(tmp_path / "twice.git", tmp_path / "back")
    told.pod.close()
    assert told.pointers == 1


def test_attributes_that_git_understands(tmp_path: Path) -> None:
    """Git itself is asked, where it is installed."""
    names = ["plain", "with space", 'quo"te', "back\\slash", "st*r", "br[a]cket", "que?", "#hash", "!not", "é", "tab\t"]
    with Pod.create(tmp_path / "pod") as pod:
        (pod.root / ".gitattributes").write_bytes(b"*.txt text")
        committed(pod, "One", **{name: b"x" * 2000 + name.encode() for name in names})
        assert exported(pod, tmp_path / "out.git", lfs_over=1000).pointers == len(names)
    folder = tmp_path / "checked"
    try:
        said = subprocess.run(
            ["git", "clone", "-q", "--config", "filter.lfs.smudge=cat", str(tmp_path / "out.git"), str(folder)],
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    assert said.returncode == 0
    asked = subprocess.run(
        ["git", "check-attr", "-z", "filter", "--", *names, "plain2", "starr"],
        cwd=folder,
        check=True,
        capture_output=True,
    ).stdout
    fields = asked.decode().split("\0")
    assert dict(zip(fields[::3], fields[2::3], strict=False)) == {
        **dict.fromkeys(names, "lfs"),
        **{"plain2": "unspecified", "starr": "unspecified"},
    }


def test_a_file_is_streamed_both_ways(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.gitexchange.objects.STREAM_FROM", 1000)
    monkeypatch.setattr("sovrgit.gitexchange.packs.STREAM_FROM", 1000)
    monkeypatch.setattr("sovrgit.store.session.CHUNK_FROM", 1000)
    data = bytes(range(256)) * 5000
    git.ref("heads/main", git.commit(git.files(a=data, b=b"b")))
    loose = imported(git, tmp_path / "loose")
    git.pack()
    packed = imported(git, tmp_path / "packed")
    assert loose.head == packed.head
    loose.pod.close()
    with packed.pod as pod:
        assert (pod.root / "a").read_bytes() == data
        exported(pod, tmp_path / "out.git")
    assert refs_of(tmp_path / "out.git") == refs_of(git.folder)


def test_many_commits_are_read_from_packs_in_their_order(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovrgit.gitexchange.gathering.SPOOL_FROM", 3)
    made: list[bytes] = []
    for number in range(10):
        files = {f"f{other}": b"line\n" * 50 + b"%d" % (number if other < 2 else 0) for other in range(5)}
        made.append(git.commit(git.files(**files), *made[-1:]))
    git.ref("heads/main", made[-1])
    git.pack()
    done = imported(git, tmp_path / "pod")
    with done.pod as pod:
        exported(pod, tmp_path / "out.git")
    assert done.commits == 10
    assert refs_of(tmp_path / "out.git") == refs_of(git.folder)


def test_what_was_collected_is_read_again(git: Git, tmp_path: Path) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "Own", own=b"own")
        again(pod, git)
        (at_git,) = [value for name, value in pod.refs.read().values.items() if name.startswith("refs/remotes/")]
        pod.refs.update([RefChange("refs/remotes/git/main", at_git, None)], command="x", time_ns=1)
        (pod.folder / "journal").write_bytes(b"")
        assert collect(pod, GcRequest(now_ns=2 * NOW, grace_ns=0, kept_moves_ns=0)).objects
        assert again(pod, git).commits == 1
        assert pod.refs.read().values["refs/remotes/git/main"] == at_git


def test_a_working_tree_of_git_is_not_pulled_from_under_it(git: Git, tmp_path: Path) -> None:
    place = tmp_path / "work"
    Repo.init(str(place), mkdir=True, default_branch=b"main").close()
    with Pod.create(tmp_path / "pod") as pod:
        with pytest.raises(RevisionNotFound):
            exported(pod, place)
        committed(pod, "One", a=b"a")
        with pytest.raises(GitRefRefused, match="checked out"):
            exported(pod, place)
        assert refs_of(place) == {}
        (place / ".git" / "HEAD").write_bytes(b"ref: refs/heads/work\n")
        assert [move.name for move in exported(pod, place).moved] == ["refs/heads/main"]
        pod.config.set("remote.git.url", "/elsewhere")
        with pytest.raises(RemoteExists):
            again(pod, git)


def test_a_full_disk_moves_nothing(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "One", b=b"b")
        exported(pod, tmp_path / "out.git")
        committed(pod, "Two", b=b"c")
        before, theirs = pod.refs.read(), refs_of(tmp_path / "out.git")

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StorageFull):
                exported(pod, tmp_path / "out.git")
            with pytest.raises(StorageFull):
                again(pod, git)
            with pytest.raises(StorageFull):
                imported(git, tmp_path / "new")
        assert not (tmp_path / "new").exists() and not os.listdir(pod.temporary)
        assert pod.refs.read() == before and refs_of(tmp_path / "out.git") == theirs
        assert len(os.listdir(tmp_path / "out.git" / "objects" / "pack")) == 2
        assert exported(pod, tmp_path / "out.git").commits == 1


def test_somebody_else_moves_the_branch_meanwhile(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        committed(pod, "One", b=b"b")
        lock = git.folder / "refs" / "heads" / "main.lock"
        lock.write_bytes(b"")
        with pytest.raises(Locked, match=r"main"):
            exported(pod, git.folder)
        lock.unlink()
        theirs = git.commit(git.files(a=b"a"))
        real = PackSink.finish

        def finish(sink: PackSink) -> int:
            git.ref("heads/main", theirs)
            return real(sink)

        monkeypatch.setattr(PackSink, "finish", finish)
        with pytest.raises(GitRefRefused, match="something else has just moved it"):
            exported(pod, git.folder)
        assert refs_of(git.folder) == {b"refs/heads/main": theirs}
