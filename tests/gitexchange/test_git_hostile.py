"""Repositories that are damaged, or made to do harm: each is refused in words, and the pod is as it was."""

from __future__ import annotations

import os
import zlib
from hashlib import sha1
from pathlib import Path

import pytest
from dulwich.object_format import SHA1
from dulwich.pack import pack_object_header, write_pack_index_v2
from git_lab import LINE, Git, again, everything, exported, imported, refs_of

from sovrgit.errors import GitDamaged, GitUnusable, ObjectInvalid, PodExists, SovrError, UnsafeName, Unsupported
from sovrgit.gitexchange import gathering, inflate, oddities
from sovrgit.gitexchange.ids import GitKind, git_id
from sovrgit.gitexchange.treeform import read_tree
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange


def refused(git: Git, tmp_path: Path, error: type[SovrError], match: str) -> SovrError:
    """Refused by a new pod, of which nothing stays, and by one that is there, which stays as it is."""
    with pytest.raises(error, match=match):
        imported(git, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with Pod.create(tmp_path / "pod") as pod:
        with pytest.raises(error, match=match) as caught:
            again(pod, git)
        assert pod.refs.read().values == {} and not os.listdir(pod.temporary)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", [b"..", b".", b".sovr", b".SOVR", b"a/b", b"x" * 5000])
def test_names(git: Git, tmp_path: Path, name: bytes) -> None:
    git.ref("heads/main", git.commit(git.tree((b"100644", name, git.blob(b"x")))))
    refused(git, tmp_path, UnsafeName, "refusing")


@pytest.mark.parametrize("name", [b".git", b".GIT", b"git~1"])
def test_repositories_in_the_history_are_kept_but_not_checked_out(git: Git, tmp_path: Path, name: bytes) -> None:
    hooks = git.tree((b"40000", name, git.files(config=b"[core]\n\tfsmonitor = harm\n")))
    bad = git.commit(git.tree((b"40000", b"tests", hooks)))
    git.ref("heads/main", bad)
    with pytest.raises(UnsafeName, match="a repository's own folder"):
        imported(git, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    git.ref("heads/main", git.commit(git.files(a=b"a"), bad))
    with imported(git, tmp_path / "pod").pod as pod:
        exported(pod, tmp_path / "out.git")
    assert refs_of(tmp_path / "out.git") == refs_of(git.folder)


def test_trees(git: Git, tmp_path: Path) -> None:
    blob = git.blob(b"x")
    entry = b"100644 %s\0" + blob
    for number, (raw, match) in enumerate(
        [
            (b"100644 a\0short", "not a list of entries"),
            (b"nonsense", "not a list of entries"),
            (b"100644 a" + entry % b"b" + b"\0", "not a list of entries"),
            (entry % b"b" + entry % b"a", "out of order"),
            (entry % b"a" + entry % b"a", "repeated"),
            (entry % b"a" + b"40000 a\0" + git.files(x=b"x"), "repeated"),
            (b"060000 a\0" + blob, "has the mode 060000"),
            (b"40000 a\0" + blob, "is a blob and should be a tree"),
            (b"100644 a\0" + bytes(20), "is missing"),
            (b"100644 a\0" + git.files(x=b"x"), "is a tree|not the file"),
        ]
    ):
        git.ref("heads/main", git.commit(git.put(GitKind.TREE, raw)))
        folder = tmp_path / str(number)
        folder.mkdir()
        refused(git, folder, GitDamaged, match)


def test_commits_and_tags(git: Git, tmp_path: Path) -> None:
    tree = git.files(a=b"a")
    rest = b"author " + LINE + b"\ncommitter " + LINE + b"\n\nM\n"
    for number, (raw, match) in enumerate(
        [
            (b"", "names no tree"),
            (b"tree " + tree.hex().upper().encode() + b"\n" + rest, "names no tree"),
            (b"tree " + bytes(20).hex().encode() + b"\n" + rest, "is missing"),
            (b"tree " + tree.hex().encode() + b"\nparent " + b"1" * 40 + b"\n" + rest, "is missing"),
            (b"tree " + tree.hex().encode() + b"\nparent " + tree.hex().encode() + b"\n" + rest, "is a tree"),
            (b"tree " + tree.hex().encode() + b"\n" + (b"parent " + b"1" * 40 + b"\n") * 5000 + rest, "5000 parents"),
        ]
    ):
        git.ref("heads/main", git.put(GitKind.COMMIT, raw))
        folder = tmp_path / str(number)
        folder.mkdir()
        refused(git, folder, GitDamaged, match)
    git.ref("heads/main", git.commit(tree))
    git.ref("tags/v1", git.put(GitKind.TAG, b"object " + b"1" * 40 + b"\ntype nothing\n"))
    (tmp_path / "tag").mkdir()
    refused(git, tmp_path / "tag", GitDamaged, "names nothing")


def test_shallow_and_borrowing_repositories(git: Git, tmp_path: Path) -> None:
    absent = git_id(GitKind.COMMIT, b"absent")
    git.ref("heads/main", git.commit(git.files(a=b"a"), absent))
    (git.folder / "shallow").write_bytes(b"")
    for name, hint in (("shallow", "--unshallow"), ("objects/info/alternates", "repack -a -d")):
        (git.folder / name).parent.mkdir(exist_ok=True)
        # One that leads to itself is not followed, either.
        (git.folder / name).write_text(f"{git.folder}/objects\n")
        (tmp_path / hint).mkdir()
        assert hint in refused(git, tmp_path / hint, GitDamaged, "missing").hint


def test_loose_objects_that_lie(git: Git, tmp_path: Path) -> None:
    good = b"blob 5\0hello"
    bomb = b"blob 5\0" + bytes(50 << 20)
    name = git_id(GitKind.BLOB, b"hello")
    git.ref("heads/main", git.commit(git.tree((b"100644", b"a", name))))
    for number, (deflated, match) in enumerate(
        [
            (zlib.compress(bomb), "another size"),
            (zlib.compress(b"blob 6\0hello"), "another size"),
            (zlib.compress(b"blob 5\0hallo"), "another hash"),
            (zlib.compress(b"blob 05\0hello"), "does not begin like an object"),
            (zlib.compress(b"blob 99999999999999999999\0hello"), "does not begin like an object"),
            (zlib.compress(b"blob %d\0hello" % (1 << 40)), "another size"),
            (zlib.compress(b"tree %d\0hello" % (1 << 40)), "it is a tree"),
            (zlib.compress(good)[:8], "another size|does not begin"),
            (b"nonsense", "cannot be inflated"),
            (b"", "does not begin"),
        ]
    ):
        git.put_raw(name, deflated)
        folder = tmp_path / str(number)
        folder.mkdir()
        refused(git, folder, GitDamaged, match)


def pack(git: Git, entries: list[tuple[bytes, bytes]], *, sort: bool = True) -> None:
    """A pack of entries with any ids: header and data deflated."""
    data = bytearray(b"PACK\0\0\0\2" + len(entries).to_bytes(4, "big"))
    index = []
    for name, raw in entries:
        index.append((name, len(data), zlib.crc32(raw)))
        data += raw
    data += sha1(data).digest()
    folder = git.folder / "objects" / "pack"
    folder.mkdir(exist_ok=True)
    (folder / f"pack-{'0' * 40}.pack").write_bytes(data)
    with (folder / f"pack-{'0' * 40}.idx").open("wb") as file:
        write_pack_index_v2(file, sorted(index), bytes(data[-20:]))


def test_packs_that_lie(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.gitexchange.packs.MAX_IN_MEMORY", 1 << 20)
    name = git_id(GitKind.BLOB, b"hello")
    base = bytes(pack_object_header(3, None, 5, SHA1)) + zlib.compress(b"hallo")
    base_name = git_id(GitKind.BLOB, b"hallo")
    git.ref("heads/main", git.commit(git.tree((b"100644", b"a", name))))
    offset = len(base)

    def delta(data: bytes, back: int = offset) -> bytes:
        return bytes(pack_object_header(6, back, len(data), SHA1)) + zlib.compress(data)

    def by_id(data: bytes, to: bytes) -> bytes:
        return bytes(pack_object_header(7, to, len(data), SHA1)) + zlib.compress(data)

    grown = bytes([5, 0x80, 0x80, 0x80, 0x40]) + bytes([0x90, 5]) * 10
    for number, (entries, match) in enumerate(
        [
            ([(name, bytes(pack_object_header(3, None, 5, SHA1)) + zlib.compress(bytes(1 << 20)))], "another size"),
            ([(name, bytes(pack_object_header(3, None, 5, SHA1)) + zlib.compress(b"hallo"))], "another"),
            ([(name, bytes(pack_object_header(5, None, 5, SHA1)) + zlib.compress(b"hello"))], "of the kind 5"),
            ([(name, bytes(pack_object_header(3, None, 5, SHA1)) + b"nonsense")], "cannot be inflated"),
            ([(name, b"\xbf" + b"\xff" * 20)], "a size without end"),
            ([(name, delta(b"\5\5\5hello", 5000))], "before it begins"),
            ([(name, by_id(b"\5\5\5hello", bytes(20)))], "not in it"),
            ([(name, by_id(b"\5\5\5hello", name))], "without end|not in it|a difference"),
            ([(base_name, base), (name, delta(b"\5\5\5hallo"))], "another"),
            ([(base_name, base), (name, delta(b"\5\5\x91\x01\xff"))], "cannot be applied"),
            ([(base_name, base), (name, delta(b"\7\5\5hello"))], "cannot be applied"),
            ([(base_name, base), (name, delta(b""))], "cannot be applied"),
            ([(base_name, base), (name, delta(grown))], "more than fits into memory"),
        ]
    ):
        pack(git, entries)
        folder = tmp_path / str(number)
        folder.mkdir()
        refused(git, folder, GitDamaged, match)
    pack(git, [(base_name, base), (name, delta(b"\5\5\5hello"))])
    imported(git, tmp_path / "good").pod.close()


@pytest.mark.parametrize("name", ["pack", "idx"])
@pytest.mark.parametrize("damage", [b"", b"PACK", b"\xfftOc" + bytes(2000), bytes(4000)])
def test_damaged_packs(git: Git, tmp_path: Path, name: str, damage: bytes) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    git.pack()
    (path,) = (git.folder / "objects" / "pack").glob(f"*.{name}")
    path.chmod(0o644)
    path.write_bytes(damage)
    with pytest.raises(GitDamaged):
        imported(git, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_every_byte_of_a_pack(git: Git, tmp_path: Path) -> None:
    """Whatever is damaged, either it is noticed or it does not matter."""
    git.ref("heads/main", git.commit(git.files(a=b"a" * 100, b=b"a" * 99)))
    git.pack()
    (path,) = (git.folder / "objects" / "pack").glob("*.pack")
    path.chmod(0o644)
    good = path.read_bytes()
    wanted = imported(git, tmp_path / "good")
    wanted.pod.close()
    noticed = 0
    for at in range(0, len(good), 7):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        try:
            done = imported(git, tmp_path / str(at))
        except SovrError:
            noticed += 1
        else:
            assert done.head == wanted.head
            done.pod.close()
    assert noticed > 5


def test_bounds(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_DEPTH", 20)
    tree = git.files(a=b"a")
    for _ in range(25):
        tree = git.tree((b"40000", b"d", tree))
    git.ref("heads/main", git.commit(tree))
    refused(git, tmp_path, GitDamaged, "more than 20 folders")
    monkeypatch.setattr(oddities, "MAX_ODDITIES", 3)
    git.ref("heads/main", git.commit(git.tree(*((b"160000", b"%d" % number, bytes(20)) for number in range(5)))))
    (tmp_path / "odd").mkdir()
    refused_odd = pytest.raises(Unsupported, match="more than 3")
    with refused_odd:
        imported(git, tmp_path / "odd" / "new")


def test_a_tree_that_grows(git: Git, tmp_path: Path) -> None:
    """Few objects, and so many files that nobody could write them: 10 to the power of 12, each of 100 MB."""
    tree = git.tree((b"100644", b"f", git.blob(b"x" * 1000)))
    for _ in range(12):
        tree = git.tree(*((b"40000", b"%d" % number, tree) for number in range(10)))
    git.ref("heads/growing", git.commit(tree))
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    with imported(git, tmp_path / "pod").pod as pod:
        assert pod.store.tree(pod.store.commit(pod.refs.read().values["refs/heads/growing"]).tree).size == 10**15
        exported(pod, tmp_path / "out.git")
    for _ in range(6):
        tree = git.tree(*((b"40000", b"%d" % number, tree) for number in range(10)))
    git.ref("heads/growing", git.commit(tree))
    with pytest.raises(ObjectInvalid, match="size is out of range"):
        imported(git, tmp_path / "new")


def test_places_that_are_no_repository(git: Git, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "file").write_bytes(b"")
    with Pod.create(tmp_path / "pod") as pod:
        for place in (plain, plain / "file", tmp_path / "absent"):
            with pytest.raises(GitUnusable, match="there is no repository"):
                again(pod, _at(place))
    with pytest.raises(GitUnusable, match="no branch yet"):
        imported(git, tmp_path / "new")
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    with pytest.raises(PodExists):
        imported(git, plain)
    for number, (config, match) in enumerate(
        [
            ("[extensions]\n\tobjectformat = sha256\n[core]\n\trepositoryformatversion = 1\n", "SHA-1"),
            ("[extensions]\n\trefstorage = reftable\n[core]\n\trepositoryformatversion = 1\n", "refs are not files"),
            ("[core]\n\trepositoryformatversion = 2\n", "version 2"),
            ("[extensions]\n\tnew = true\n[core]\n\trepositoryformatversion = 1\n", "needs `new`"),
            ("[core\n", "configuration cannot be read"),
            (
                "[include]\n\tpath = /etc/passwd\n[core]\n\trepositoryformatversion = x\n",
                "configuration cannot be read",
            ),
        ]
    ):
        (git.folder / "config").write_text(config)
        (tmp_path / f"c{number}").mkdir()
        refused(git, tmp_path / f"c{number}", GitUnusable, match)


def _at(place: Path) -> Git:
    git = Git.__new__(Git)
    git.folder = place
    return git


@pytest.mark.parametrize("refs", [b"nonsense\n", b"0" * 40 + b" refs/heads/../../x\n", b"# pack-refs\n\xff\xff\n", b""])
def test_packed_refs_that_are_none(git: Git, tmp_path: Path, refs: bytes) -> None:
    git.ref("heads/main", git.commit(git.files(a=b"a")))
    (git.folder / "packed-refs").write_bytes(refs)
    with pytest.raises(GitDamaged, match="refs"):
        imported(git, tmp_path / "new")


def test_refs_that_lead_out_or_around(git: Git, tmp_path: Path) -> None:
    commit = git.commit(git.files(a=b"a"))
    git.ref("heads/main", commit)
    (git.folder / "refs/heads/one").write_bytes(b"ref: refs/heads/two\n")
    (git.folder / "refs/heads/two").write_bytes(b"ref: refs/heads/one\n")
    (git.folder / "refs/heads/out").write_bytes(b"ref: ../../../../etc/passwd\n")
    (git.folder / "refs/heads/text").write_bytes(b"root:x:0:0\n")
    with pytest.raises(GitDamaged, match="names no object"):
        imported(git, tmp_path / "new")
    (git.folder / "refs/heads/text").unlink()
    done = imported(git, tmp_path / "pod")
    with done.pod as pod:
        assert [name for name in pod.refs.read().values if name.startswith("refs/heads/")] == ["refs/heads/main"]


def test_inflating_stops_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(reason: str) -> Exception:
        return GitDamaged(what="x", reason=reason)

    data = os.urandom(5000)
    # Written by a program that compresses badly: each byte in a block of its own.
    writer = zlib.compressobj(0)
    long = b"".join(writer.compress(data[at : at + 1]) + writer.flush(zlib.Z_FULL_FLUSH) for at in range(5000))
    long += writer.flush()
    assert inflate.inflate(memoryview(b"xx" + long + b"more"), 2, 5000, damaged) == data
    monkeypatch.setattr(inflate, "_PIECE", 64)
    assert b"".join(inflate.inflate_stream(memoryview(long + b"more"), 0, 5000, damaged)) == data
    for size in (4999, 5001):
        with pytest.raises(GitDamaged, match="another size"):
            inflate.inflate(memoryview(long), 0, size, damaged)
        with pytest.raises(GitDamaged, match="another size"):
            list(inflate.inflate_stream(memoryview(long), 0, size, damaged))


def test_commits_that_say_what_makes_no_sense(tmp_path: Path) -> None:
    """A pod of somebody else may have anything under the key `git`."""
    link = bytes(range(20))
    good = [[b"sub", b"160000", link], [b"a", b"100664"]]
    bad = [
        *([b"../up", b"160000", link], [b"d/..", b"160000", link], [b"", b"160000", link], [b"x/y", b"160000", link]),
        *([b"d/.GIT", b"160000", link], [b".git", b"160000", link], [b"a", b"160000", link], [b"s", b"160000", b"1"]),
        *([b"a", b"040000"], [b"d", b"100644"], [b"a", b" 100644"], [b"a", b"10_0644"], [b"a", b"100644 b\0"]),
        *([b"a"], "text", [b"a", 1], [b"gone", b"100664"], [b"t", b"100644", link], []),
    ]
    with Pod.create(tmp_path / "pod") as pod:
        (pod.root / "d").mkdir()
        (pod.root / "d" / "f").write_bytes(b"f")
        (pod.root / "a").write_bytes(b"a")
        stamp = Stamp("A", "a@b", 1)
        tree = commit(pod, CommitRequest(stamp, "One")).commit.tree
        with pod.store.session() as session:
            extra = {"git": {"entries": bad[:9] + good + bad[9:], "id": link}}
            made = session.add(Kind.COMMIT, Commit(tree, (), stamp, "Two", extra=extra).encode())
            odd = [{"git": 1}, {"git": {"id": 5}}, {"git": {"entries": {}}}, {"git": {"id": link, "raw": b"x"}}]
            for value in odd:
                made = session.add(Kind.COMMIT, Commit(tree, (made,), stamp, "More", extra=value).encode())
            session.commit()
        pod.refs.update([RefChange("refs/heads/main", pod.head(), made)], command="x", time_ns=1)
        assert exported(pod, tmp_path / "out.git").commits == 5
    found = everything(tmp_path / "out.git")
    for name, raw in found.items():
        if raw.startswith(b"tree "):
            root = bytes.fromhex(raw[5:45].decode())
            rows = {(entry.name, entry.mode) for entry in read_tree(name, found[root])}
            assert rows == {(b"a", b"100664"), (b"d", b"40000"), (b"sub", b"160000")}
