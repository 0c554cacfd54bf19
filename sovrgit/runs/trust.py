"""Whose scripts may run: a pod that came from somebody else asks before its first run, and when its scripts change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import msgpack
from blake3 import blake3

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.history import walk as walk_history
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, Golem
from sovrgit.pod.refs import REMOTES
from sovrgit.pod.treediff import find, walk
from sovrgit.runs.inputs import command_of
from sovrgit.store.files import write_atomic
from sovrgit.store.store import ObjectStore

_PROGRAM_ENDINGS = (
    *(b".py", b".pyc", b".pyz", b".ipynb", b".sh", b".bash", b".zsh", b".pl", b".pm", b".rb", b".r", b".jl", b".lua"),
    *(b".js", b".mjs", b".cjs", b".ts", b".php", b".tcl", b".awk", b".so", b".dylib", b".dll", b".jar", b".class"),
    *(b".wasm", b".mk"),
)
"""How names of files end that an interpreter or loader takes, though they are not executable themselves."""


@dataclass(frozen=True, slots=True)
class Code:
    """Everything in a pod's tree that a run may execute: an id for all of it, and each file by an id of its own."""

    id: ObjectId
    files: dict[ObjectId, tuple[bytes, TreeEntry]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would run: the command, the scripts, and where they come from.

    `changed` lists what is new since scripts of this pod were approved; it is empty if none ever were.
    """

    command: str
    code: Code
    origin: str
    author: str
    changed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class _Approved:
    codes: frozenset[ObjectId]
    files: frozenset[ObjectId]


def proposal(pod: Pod, code: Code, command: str, author: str) -> Proposal | None:
    """What has to be approved before scripts run, or None.

    Nothing has to be if the pod was made here, or if every file is one that was approved or the user's own: one that
    no commit of a remote has at its path.
    """
    if pod.config.get("pod.foreign") != "true":
        return None
    approved = _approved(pod)
    if code.id in approved.codes:
        return None
    unknown = {key: file for key, file in code.files.items() if key not in approved.files}
    if not _any_is_foreign(pod, unknown) and not _is_offered(pod, code):
        # The user's own changes: looked up once.
        approve(pod, code)
        return None
    changed = tuple(sorted(path for path, _ in unknown.values())) if approved.codes else ()
    return Proposal(command, code, pod.config.get("pod.origin") or "another pod", author, changed)


def approve(pod: Pod, code: Code) -> None:
    """Remember that scripts may run.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    approved = _approved(pod)
    content = {
        "scripts": sorted(map(str, approved.codes | {code.id})),
        "files": sorted(map(str, approved.files | code.files.keys())),
    }
    write_atomic(pod.folder / "trusted", json.dumps(content).encode())


def code_of(store: ObjectStore, tree: ObjectId, golem: Golem) -> Code:
    """Everything in a pod's tree that a run may execute.

    That is all of it but output and logs, which a run makes, and payload, which is data: of the payload only what lies
    in the script folder, is executable, has the name of a program, or is named in the command.
    """
    made = (golem.output_folder.encode(), golem.log_folder.encode())
    scripts, payload = golem.script_folder.encode(), golem.payload_folder.encode()
    command = [part.encode("utf-8", "surrogateescape") for part in command_of(golem, ())]

    def may_run(path: bytes, entry: TreeEntry) -> bool:
        if entry.is_directory or any(_is_inside(path, folder) for folder in made):
            return False
        # Where everything is payload, nothing can be taken for mere data.
        if payload == b"." or not _is_inside(path, payload) or _is_inside(path, scripts):
            return True
        if entry.kind is not EntryKind.FILE or path.lower().endswith(_PROGRAM_ENDINGS):
            return True
        return any(path in part for part in command)

    found = [(path, entry) for path, entry in _walk(store, tree) if path == RECIPE_FILE.encode() or may_run(path, entry)]
    rows = [(path, int(entry.kind), entry.id) for path, entry in found]
    identity = ObjectId(blake3(msgpack.packb(rows), derive_key_context="sovrgit scripts v1").digest())
    keys = [ObjectId(blake3(msgpack.packb(row), derive_key_context="sovrgit script v1").digest()) for row in rows]
    return Code(identity, dict(zip(keys, found, strict=True)))


def _walk(store: ObjectStore, tree: ObjectId) -> Iterator[tuple[bytes, TreeEntry]]:
    for entry in store.tree(tree).entries:
        yield from walk(store, entry, entry.name)


def _is_inside(path: bytes, folder: bytes) -> bool:
    return folder == b"." or path == folder or path.startswith(folder + b"/")


def _is_offered(pod: Pod, code: Code) -> bool:
    """Whether a remote has just these scripts now. Files that were all approved can still be put together anew."""
    return any(
        all(_has(pod.store, pod.store.commit(tip).tree, *file) for file in code.files.values())
        for tip in _tips(pod)
    )


def _any_is_foreign(pod: Pod, files: dict[ObjectId, tuple[bytes, TreeEntry]]) -> bool:
    """Whether a commit that came from a remote has one of the files."""
    seen: set[ObjectId] = set()
    if not files:
        return False
    for _, commit in walk_history(pod.store, _tips(pod)):
        if commit.tree not in seen and any(_has(pod.store, commit.tree, *file) for file in files.values()):
            return True
        seen.add(commit.tree)
    return False


def _has(store: ObjectStore, tree: ObjectId, path: bytes, entry: TreeEntry) -> bool:
    found = find(store, tree, path)
    return found is not None and found.id == entry.id


def _tips(pod: Pod) -> list[ObjectId]:
    return list(dict.fromkeys(pod.refs.read().under(REMOTES).values()))


def _approved(pod: Pod) -> _Approved:
    """What was approved; nothing, if the file cannot be understood: then it is asked again."""
    try:
        content = json.loads((pod.folder / "trusted").read_bytes())
        return _Approved(
            frozenset(map(ObjectId.parse, content["scripts"])), frozenset(map(ObjectId.parse, content["files"]))
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return _Approved(frozenset(), frozenset())
