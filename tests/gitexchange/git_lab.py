"""Git repositories made byte by byte, so that they can be as odd as is wanted; and what is compared with them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from dulwich.repo import Repo

from sovrgit.gitexchange import (
    Exported,
    ExportRequest,
    Imported,
    ImportRequest,
    export_git,
    import_git,
    import_into_new,
)
from sovrgit.gitexchange.ids import GitId, GitKind, git_id
from sovrgit.gitexchange.repository import GitRepository
from sovrgit.gitexchange.treeform import Row, write_tree
from sovrgit.pod.pod import Pod

NOW = 1_700_000_000_000_000_000
LINE = b"Ada <ada@example.org> 1700000000 +0100"


class Git:
    """A repository without a working tree, into which objects of any form are put."""

    def __init__(self, folder: Path) -> None:
        Repo.init_bare(folder, mkdir=True, default_branch=b"main").close()
        self.folder = folder

    def put(self, kind: GitKind, data: bytes) -> GitId:
        """An object, loose."""
        identity = git_id(kind, data)
        self.put_raw(identity, zlib.compress(b"%s %d\0" % (kind.label, len(data)) + data))
        return identity

    def put_raw(self, identity: GitId, deflated: bytes) -> None:
        name = identity.hex()
        path = self.folder / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(deflated)

    def blob(self, data: bytes) -> GitId:
        return self.put(GitKind.BLOB, data)

    def tree(self, *rows: Row) -> GitId:
        return self.put(GitKind.TREE, write_tree(rows))

    def files(self, **files: bytes) -> GitId:
        """A tree of plain files."""
        return self.tree(*((b"100644", name.encode(), self.blob(data)) for name, data in files.items()))

    def commit(self, tree: GitId, *parents: GitId, message: bytes = b"Message\n", headers: bytes = b"") -> GitId:
        lines = [b"tree " + tree.hex().encode(), *(b"parent " + parent.hex().encode() for parent in parents)]
        lines += [b"author " + LINE, b"committer " + LINE, *([headers] if headers else [])]
        return self.put(GitKind.COMMIT, b"\n".join(lines) + b"\n\n" + message)

    def ref(self, name: str, identity: GitId) -> None:
        path = os.fsencode(self.folder / "refs") + b"/" + os.fsencode(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(identity.hex().encode() + b"\n")

    def pack(self) -> None:
        """Put the loose objects into a pack, with differences."""
        with Repo(str(self.folder)) as repo:
            repo.object_store.pack_loose_objects()


def refs_of(folder: Path) -> dict[bytes, GitId]:
    """Branches and tags."""
    with GitRepository(folder) as repository:
        return {name: value for name, value in repository.refs().items() if not name.startswith(b"refs/notes/")}


def imported(git: Git | Path, folder: Path) -> Imported:
    """A new pod out of a repository."""
    place = git.folder if isinstance(git, Git) else git
    return import_into_new(folder, ImportRequest(place, NOW))


def again(pod: Pod, git: Git) -> Imported:
    return import_git(pod, ImportRequest(git.folder, NOW))


def exported(pod: Pod, folder: Path, *, lfs_over: int = 0, force: bool = False) -> Exported:
    return export_git(pod, ExportRequest(folder, lfs_over, force))


def everything(folder: Path) -> dict[GitId, bytes]:
    """All objects of a repository, read with dulwich."""
    with Repo(str(folder)) as repo:
        return {bytes.fromhex(name.decode()): repo.object_store.get_raw(name)[1] for name in repo.object_store}


def reachable(folder: Path) -> set[GitId]:
    """The objects that branches and tags lead to, found with dulwich."""
    with Repo(str(folder)) as repo:
        waiting = [name.hex().encode() for name in refs_of(folder).values()]
        found: set[GitId] = set()
        while waiting:
            name = waiting.pop()
            if bytes.fromhex(name.decode()) in found:
                continue
            found.add(bytes.fromhex(name.decode()))
            kind, raw = repo.object_store.get_raw(name)
            waiting += _below(kind, raw)
        return found


def _below(kind: int, raw: bytes) -> Iterable[bytes]:
    from sovrgit.gitexchange.treeform import split_tree

    if kind == GitKind.TREE:
        return [name.hex().encode() for mode, _, name in split_tree(b"", raw) if mode != b"160000"]
    head = raw.partition(b"\n\n")[0].split(b"\n")
    return [line.split(b" ")[1] for line in head if line.startswith((b"tree ", b"parent ", b"object "))]
