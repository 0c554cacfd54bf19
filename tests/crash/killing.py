"""Kills an action at each of its calls that write, and looks at what is left. A program of its own: it forks.

    python tests/crash/killing.py FOLDER ACTION

FOLDER is empty. Prints a JSON line for each call: `{"call": n, "ended": bool, "problems": [...]}`.

Killed is a child of this process, which has loaded everything and no threads, by `_exit` in front of the call, so that
neither `finally` nor buffers do anything more. Calls of SQLite are not among them: what it writes can be made anew.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.branches import create_branch, switch_branch, switch_new
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.mergestate import read_state
from sovrgit.pod.pod import Pod
from sovrgit.pod.presence import get_paths
from sovrgit.pod.resolve import abort, resolve
from sovrgit.pod.revisions import resolve_commit
from sovrgit.pod.status import status
from sovrgit.pod.switch import restore
from sovrgit.pod.treediff import walk
from sovrgit.pod.undo import undo
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.dropping import drop
from sovrgit.remotes.fetch import FetchRequest, fetch
from sovrgit.remotes.promises import Promises
from sovrgit.remotes.pull import take_over
from sovrgit.remotes.push import PushRequest, push
from sovrgit.remotes.supply import Supply

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)
CALLS = (
    "open",
    "write",
    "pwrite",
    "rename",
    "replace",
    "unlink",
    "rmdir",
    "mkdir",
    "fsync",
    "symlink",
    "link",
    "truncate",
)
LARGE = bytes(range(256)) * 4400


def put(pod: Pod, **files: str) -> None:
    for name, content in files.items():
        (pod.root / name).write_text(content)


def record(pod: Pod, message: str, *, amend: bool = False) -> ObjectId:
    return commit(pod, CommitRequest(ANN, message, amend=amend)).id


def begin(folder: Path) -> None:
    """A pod with a branch of its own, a change that is not committed, a remote, and a large file."""
    with Pod.create(folder / "pod") as pod:
        put(pod, a="1\n2\n3\n", b="b\n")
        (pod.root / "d").mkdir()
        (pod.root / "d/large").write_bytes(LARGE)
        record(pod, "First")
        push(pod, DirectoryRemote(folder / "remote"), PushRequest("origin", ["refs/heads/main"], 1, {}))
        switch_new(pod, "side", None, time_ns=2)
        put(pod, a="1\n2\nside\n", c="c\n")
        record(pod, "Side")
        switch_branch(pod, "main", time_ns=3)
        create_branch(pod, "clash", pod.head() or ObjectId(bytes(32)), time_ns=3)
        put(pod, a="main\n2\n3\n")
        record(pod, "Main")
    # Somebody else has pushed meanwhile.
    shutil.copytree(folder / "remote", folder / "theirs")
    shutil.copytree(folder / "pod", folder / "other")
    with Pod(folder / "other") as other:
        switch_branch(other, "clash", time_ns=4)
        put(other, b="theirs\n")
        record(other, "Theirs")
        other.refs.update([], command="test", time_ns=5)
        tip = other.head()
        assert tip is not None
        remote = DirectoryRemote(folder / "theirs")
        fetch(other, remote, FetchRequest("theirs", 6))
        push(
            other,
            remote,
            PushRequest("theirs", ["refs/heads/clash"], 7, {}, renamed={"refs/heads/clash": "refs/heads/main"}),
        )
    shutil.rmtree(folder / "other")


def act_commit(pod: Pod, folder: Path) -> None:
    put(pod, a="changed\n", new="new\n")
    (pod.root / "d/large").write_bytes(LARGE[:-1] + b"x")
    record(pod, "Second")


def act_amend(pod: Pod, folder: Path) -> None:
    put(pod, a="amended\n")
    record(pod, "Amended", amend=True)


def act_merge(pod: Pod, folder: Path) -> None:
    merge(pod, MergeRequest(resolve_commit(pod, "side"), "side", ANN), time_ns=10)


def act_conflict(pod: Pod, folder: Path) -> None:
    put(pod, a="1\n2\nours\n")
    record(pod, "Ours")
    merge(pod, MergeRequest(resolve_commit(pod, "side"), "side", ANN), time_ns=10)
    resolve(pod, [b"a"], "theirs", time_ns=11)
    commit(pod, CommitRequest(ANN, None))


def act_abort(pod: Pod, folder: Path) -> None:
    put(pod, a="1\n2\nours\n")
    record(pod, "Ours")
    merge(pod, MergeRequest(resolve_commit(pod, "side"), "side", ANN), time_ns=10)
    abort(pod, time_ns=11)


def act_switch(pod: Pod, folder: Path) -> None:
    put(pod, b="local\n")
    switch_branch(pod, "side", time_ns=10)


def act_restore(pod: Pod, folder: Path) -> None:
    put(pod, a="local\n")
    restore(pod, pod.head_tree(), [b""], time_ns=10)


def act_undo(pod: Pod, folder: Path) -> None:
    switch_branch(pod, "side", time_ns=10)
    undo(pod, time_ns=11)


def act_drop_and_get(pod: Pod, folder: Path) -> None:
    pod.config.set("remote.origin.url", str(folder / "remote"))
    supply = pod.supply = Supply(pod)
    drop(pod, [b"d"], supply, now_ns=10)
    get_paths(pod, [b"d"])


def act_push(pod: Pod, folder: Path) -> None:
    push(pod, DirectoryRemote(folder / "remote"), PushRequest("origin", ["refs/heads/main", "refs/heads/side"], 10, {}))


def act_pull(pod: Pod, folder: Path) -> None:
    remote = DirectoryRemote(folder / "theirs")
    fetch(pod, remote, FetchRequest("theirs", 10))
    take_over(pod, "theirs", ANN, time_ns=11)


def act_gc(pod: Pod, folder: Path) -> None:
    with pod.store.session() as session:
        from sovrgit.objects.ids import Kind

        session.add(Kind.BLOB, b"of no use" * 1000)
        session.commit()
    collect(pod, GcRequest(2_000_000_000 * 10**9, grace_ns=0, kept_moves_ns=2_000_000_000 * 10**9))


ACTIONS: dict[str, Callable[[Pod, Path], None]] = {
    name.removeprefix("act_"): action for name, action in sorted(globals().items()) if name.startswith("act_")
}


def perform(action: Callable[[Pod, Path], None], folder: Path, limit: int | None) -> bool:
    """Do it in a child that dies at a call; whether it came to its end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            if limit is not None:
                die_at(limit)
            with Pod(folder / "pod") as pod:
                action(pod, folder)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 9):
        raise SystemExit(f"the action itself failed at call {limit}")
    return code == 0


def die_at(limit: int) -> None:
    count = 0

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            if name == "open" and not (arguments[1] if len(arguments) > 1 else 0) & (os.O_CREAT | os.O_TRUNC):
                return real(*arguments, **named)
            count += 1
            if count == limit:
                os._exit(9)
            return real(*arguments, **named)

        return call

    for name in CALLS:
        setattr(os, name, dying(name, getattr(os, name)))


def copy(source: str, target: str) -> None:
    """Copy a file. Packs are never written again once they have their name, so that a second name will do."""
    if source.endswith(".pack"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def look(folder: Path, known: set[ObjectId], local: dict[str, bytes]) -> list[str]:
    """What is wrong with what is left: damage, commits that are gone, work that is in no file and in no object."""
    problems = []
    with Pod(folder / "pod") as pod:
        pod.supply = Supply(pod)
        problems += check_pod(pod, promised=Promises.of(pod).find if pod.is_partial else None).problems
        # Not called deleted, whether its content is here or not.
        gone = [change.path for change in status(pod).changes if change.new is None]
        problems += [f"{path!r} is gone" for path in gone if path.startswith(b"d/")]
        wanted: set[ObjectId] = set()
        for item in known:
            top = TreeEntry(b"", EntryKind.DIRECTORY, pod.store.commit(item).tree, 0)
            wanted |= {entry.id for _, entry in walk(pod.store, top, b"") if not entry.is_directory}
        for item in wanted:
            for _ in pod.store.stream(item):
                pass
        status(pod)
        read_state(pod)
        from sovrgit.objects.ids import blob_id

        on_disk = {path.read_bytes() for path in pod.root.rglob("*") if path.is_file() and ".sovr" not in path.parts}
        problems += [
            f"`{name}` is lost"
            for name, content in local.items()
            if content not in on_disk and not pod.store.has(blob_id(content))
        ]
    return problems


def main() -> None:
    folder, action = Path(sys.argv[1]), ACTIONS[sys.argv[2]]
    os.fsync = lambda descriptor: None  # type: ignore[assignment] # killed is the process, not the machine
    start = folder / "start"
    start.mkdir()
    begin(start)
    with Pod(start / "pod") as pod:
        known = set(pod.refs.read().values.values())
        local = {
            os.fsdecode(path.name): path.read_bytes()
            for path in pod.root.rglob("*")
            if path.is_file() and ".sovr" not in path.parts
        }
    place = folder / "place"
    ended, call = False, 0
    while not ended:
        call += 1
        shutil.copytree(start, place, symlinks=True, copy_function=copy)
        ended = perform(action, place, call)
        problems = look(place, known, local)
        sys.stdout.write(json.dumps({"call": call, "ended": ended, "problems": problems}) + "\n")
        sys.stdout.flush()
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
