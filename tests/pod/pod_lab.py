"""A pod to try things on, and the naive answers to compare with: everything is walked, read and hashed each time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, Tree, TreeEntry
from sovrgit.pod.commits import CommitRequest, Committed, commit
from sovrgit.pod.paths import folders_above
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.pod.status import status
from sovrgit.pod.treediff import Change, walk
from sovrgit.pod.worktree import NOT_HASHED
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore


class Node(NamedTuple):
    """What is at a path: a file or link with its content or target, or an empty folder."""

    kind: EntryKind
    content: bytes = b""

    def entry(self, path: bytes) -> TreeEntry:
        name = path.rpartition(b"/")[2]
        if self.kind is EntryKind.DIRECTORY:
            return TreeEntry(name, self.kind, EMPTY_TREE_ID, 0)
        return TreeEntry(name, self.kind, blob_id(self.content), len(self.content))


def text(content: bytes) -> Node:
    return Node(EntryKind.FILE, content)


def script(content: bytes) -> Node:
    return Node(EntryKind.EXECUTABLE, content)


def link(target: bytes) -> Node:
    return Node(EntryKind.SYMLINK, target)


EMPTY = Node(EntryKind.DIRECTORY)

Files = Mapping[bytes, Node]
"""Files, links and empty folders by path."""


def files_on_disk(root: Path, ignored: Iterable[bytes] = ()) -> dict[bytes, Node]:
    """What is in a folder, but for repositories, sockets, devices and pipes."""
    found: dict[bytes, Node] = {}
    top = os.fsencode(root)

    def look(folder: bytes) -> bool:
        some = False
        for name in os.listdir(os.path.join(top, folder)):
            path = folder + b"/" + name if folder else name
            full = os.path.join(top, path)
            mode = os.lstat(full).st_mode
            if name.lower() == b".sovr" or path in ignored:
                continue
            if stat.S_ISDIR(mode):
                if not look(path):
                    found[path] = EMPTY
            elif stat.S_ISLNK(mode):
                found[path] = link(os.readlink(full))
            elif stat.S_ISREG(mode):
                with open(full, "rb") as file:
                    found[path] = (script if mode & stat.S_IXUSR else text)(file.read())
            else:
                continue
            some = True
        return some

    look(b"")
    return found


def files_in_tree(store: ObjectStore, tree: ObjectId) -> dict[bytes, Node]:
    """What a tree holds."""
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0)
    return {
        path: EMPTY if entry.is_directory else Node(entry.kind, bytes(store.read(entry.id, Kind.BLOB)))
        for path, entry in walk(store, top, b"")
        if path
    }


def naive_tree(files: Files) -> Tree:
    """The tree of these files, made without index or store."""
    below: dict[bytes, dict[bytes, Node]] = {}
    entries = []
    for path, node in files.items():
        name, _, rest = path.partition(b"/")
        if rest:
            below.setdefault(name, {})[rest] = node
        else:
            entries.append(node.entry(path))
    for name, inside in below.items():
        tree = naive_tree(inside)
        entries.append(TreeEntry(name, EntryKind.DIRECTORY, tree.id(), tree.size))
    return Tree.of(entries)


def naive_diff(old: Files, new: Files) -> set[Change]:
    """The changes between two sets of files, by the words of `Change`."""
    folders = {above for path in new for above in folders_above(path)}
    found = set()
    for path in old.keys() | new.keys():
        left, right = old.get(path), new.get(path)
        if left == right:
            continue
        before = left.entry(path) if left is not None else None
        after = right.entry(path) if right is not None else None
        if EMPTY not in (left, right):
            found.add(Change(path, before, after))
            continue
        if before is not None and not (left == EMPTY and path in folders):
            found.add(Change(path, before, None))
        if after is not None:
            found.add(Change(path, None, after))
    return found


def store_tree(store: ObjectStore, files: Files) -> ObjectId:
    """Put files and their tree into a store."""
    with store.session() as session:
        tree = _add_tree(session, files)
        session.commit()
    return tree


def _add_tree(session: WriteSession, files: Files) -> ObjectId:
    below: dict[bytes, dict[bytes, Node]] = {}
    for path, node in files.items():
        name, _, rest = path.partition(b"/")
        if rest:
            below.setdefault(name, {})[rest] = node
        elif node.kind is not EntryKind.DIRECTORY:
            session.add(Kind.BLOB, node.content)
        else:
            session.add(Kind.TREE, Tree().encode())
    for inside in below.values():
        _add_tree(session, inside)
    return session.add(Kind.TREE, naive_tree(files).encode())


@dataclass
class Lab:
    """A pod with a clock of its own, which moves on by a minute with every commit."""

    pod: Pod
    clock: int = 1_700_000_000

    @property
    def root(self) -> Path:
        return self.pod.root

    @property
    def head(self) -> ObjectId:
        head = self.pod.head()
        assert head is not None
        return head

    def who(self, name: str = "Ann") -> Stamp:
        self.clock += 60
        return Stamp(name, f"{name.lower()}@example.org", self.clock)

    def path(self, path: bytes | str) -> bytes:
        return os.path.join(os.fsencode(self.root), os.fsencode(path))

    def put(self, path: bytes | str, node: Node | bytes) -> None:
        """Put something at a path, in the place of whatever is there."""
        node = text(node) if isinstance(node, bytes) else node
        full = self.path(path)
        # Tests put links to places that are not theirs.
        above = os.path.dirname(full)
        assert os.path.realpath(above) == os.path.normpath(above), "a link is on the way"
        os.makedirs(above, exist_ok=True)
        self.drop(path)
        if node.kind is EntryKind.DIRECTORY:
            os.mkdir(full)
        elif node.kind is EntryKind.SYMLINK:
            os.symlink(node.content, full)
        else:
            with open(full, "wb") as file:
                file.write(node.content)
            os.chmod(full, 0o755 if node.kind is EntryKind.EXECUTABLE else 0o644)

    def put_all(self, files: Mapping[bytes, Node]) -> None:
        """Make the working tree hold these files and nothing else."""
        for name in os.listdir(self.root):
            if name != ".sovr":
                self.drop(name)
        for path, node in files.items():
            self.put(path, node)

    def drop(self, path: bytes | str) -> None:
        """Remove a file, link or folder, if it is there."""
        import shutil

        full = self.path(path)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif os.path.lexists(full):
            os.unlink(full)

    def commit(
        self,
        message: str | None = "Change",
        *,
        paths: Iterable[bytes] = (),
        amend: bool = False,
        allow_empty: bool = False,
    ) -> Committed:
        return commit(self.pod, CommitRequest(self.who(), message, list(paths), amend, allow_empty))

    def changes(self) -> set[Change]:
        """What status says, with ids where it did not need to read."""
        found = set()
        for change in status(self.pod).changes:
            if change.new is not None and change.new.id == NOT_HASHED:
                content = files_on_disk_at(self.path(change.path))
                change = change._replace(new=change.new._replace(id=blob_id(content)))
            found.add(change)
        return found

    def changed(self) -> dict[str, str]:
        """Paths and what happened to them, as status says."""
        return {os.fsdecode(change.path): change.kind for change in status(self.pod).changes}

    def committed(self) -> dict[bytes, Node]:
        """What the last commit holds."""
        return files_in_tree(self.pod.store, self.pod.head_tree())

    def on_disk(self) -> dict[bytes, Node]:
        return files_on_disk(self.root)

    def add_tree(self, files: Files) -> ObjectId:
        return store_tree(self.pod.store, files)

    def add_commit(
        self, files: Files | ObjectId, *parents: ObjectId, time: int | None = None, message: str = "Change"
    ) -> ObjectId:
        """Store a commit; the branch and the working tree stay."""
        tree = files if isinstance(files, ObjectId) else self.add_tree(files)
        stamp = self.who() if time is None else Stamp("Ann", "ann@example.org", time)
        made = Commit(tree=tree, parents=parents, author=stamp, message=message)
        with self.pod.store.session() as session:
            identity = session.add(Kind.COMMIT, made.encode())
            session.commit()
        return identity

    def point(self, name: str, target: ObjectId | None) -> None:
        """Move a ref."""
        old = self.pod.refs.read().values.get(name)
        self.pod.refs.update([RefChange(name, old, target)], command="test", time_ns=0)

    def stray(self) -> list[str]:
        """Temporary files that were left behind."""
        found = os.listdir(self.pod.temporary)
        return found + [name for name in os.listdir(self.pod.folder) if name.startswith(".new")]

    def tick(self) -> None:
        """Let the clock of the file system move on, so that what is written now has other stamps than what was."""
        path = self.path(".sovr/tmp/tick")
        stamps: list[int] = []
        while len(set(stamps)) < 2:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            stamps.append(os.lstat(path).st_ctime_ns)
            os.unlink(path)

    def reopened(self) -> Lab:
        """The same pod as another process opens it."""
        return Lab(Pod(self.root), self.clock)


def files_on_disk_at(path: bytes) -> bytes:
    """The content of a file, or the target of a link."""
    if os.path.islink(path):
        return os.readlink(path)
    with open(path, "rb") as file:
        return file.read()
