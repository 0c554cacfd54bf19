"""Whose scripts may run: a pod that came from somebody else asks before its first run, and when its scripts change."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgpack
from blake3 import blake3

from sovrgit.errors import RecipeInvalid
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.history import walk as walk_history
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, Golem
from sovrgit.pod.refs import REMOTES
from sovrgit.pod.treediff import find, walk
from sovrgit.runs.inputs import command_of, read_recipe
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

    `files` are the ids of the single scripts, as in `Code`. `changed` lists those that are new since scripts of this
    pod were approved; it is empty if none ever were.
    """

    command: str
    code: ObjectId
    origin: str
    author: str
    files: frozenset[ObjectId] = frozenset()
    changed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class _Approved:
    codes: frozenset[ObjectId]
    files: frozenset[ObjectId]


def proposal(
    pod: Pod, tree: ObjectId, golem: Golem, command: str, author: str, *, recorded: bool = False
) -> Proposal | None:
    """What has to be approved before scripts of a tree run, or None.

    Nothing has to be if the pod was made here, or if every file was approved or is the user's own: one that no commit
    of a remote has at its path. Whether that is so is remembered, as an approval.

    Args:
        recorded: the tree is that of a run record, which need not come from any commit: nothing in it is taken for the
            user's own.
    """
    if pod.config.get("pod.foreign") != "true":
        return None
    code = code_of(pod.store, tree, golem)
    approved = _approved(pod)
    if code.id in approved.codes:
        return None
    unknown = {key: file for key, file in code.files.items() if key not in approved.files}
    tips = list(dict.fromkeys(pod.refs.read().under(REMOTES).values()))
    own = approved.codes and tips and not recorded
    if own and not _any_is_foreign(pod, tips, unknown) and not _is_offered(pod, tips, code, golem):
        approve(pod, code.id, code.files)
        return None
    changed = tuple(sorted(path for path, _ in unknown.values())) if approved.codes else ()
    origin = pod.config.get("pod.origin") or "another pod"
    return Proposal(command, code.id, origin, author, frozenset(code.files), changed)


def getting_proposal(pod: Pod, recipe: ObjectId, what: str, author: str) -> Proposal | None:
    """What has to be approved before something is got that the recipe of a pod names, or None: a recipe of somebody
    else could name any place.

    Args:
        recipe: the id of the recipe's file.
        what: what is going to be got, in words.
    """
    if pod.config.get("pod.foreign") != "true":
        return None
    code = ObjectId(blake3(recipe, derive_key_context="sovrgit named pods v1").digest())
    if code in _approved(pod).codes:
        return None
    return Proposal(what, code, pod.config.get("pod.origin") or "another pod", author)


def approve(pod: Pod, code: ObjectId, files: Iterable[ObjectId] = ()) -> None:
    """Remember that scripts may run, and, where they are given, that each of their files is known.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    approved = _approved(pod)
    content = {
        "scripts": sorted(map(str, approved.codes | {code})),
        "files": sorted(map(str, approved.files.union(files))),
    }
    write_atomic(pod.folder / "trusted", json.dumps(content).encode())


def code_id(store: ObjectStore, tree: ObjectId, golem: Golem) -> ObjectId:
    """The id of everything in a pod's tree that a run may execute."""
    return code_of(store, tree, golem).id


def code_of(store: ObjectStore, tree: ObjectId, golem: Golem) -> Code:
    """Everything in a pod's tree that a run may execute.

    That is all of it but output, which a run clears first. Of payload and logs, which are data, it is only what lies in
    the script folder, is executable, has the name of a program, or is named in the command.
    """
    output, scripts = golem.output_folder.encode(), golem.script_folder.encode()
    # Where everything is payload, nothing can be taken for mere data.
    data = [folder.encode() for folder in (golem.payload_folder, golem.log_folder) if folder != "."]
    commands = (*command_of(golem, ()), *command_of(golem, (), "declared"))
    command = [part.encode("utf-8", "surrogateescape") for part in commands]

    def may_run(path: bytes, entry: TreeEntry) -> bool:
        if path == RECIPE_FILE.encode():
            return True
        if entry.is_directory or _is_inside(path, output):
            return False
        if _is_inside(path, scripts) or not any(_is_inside(path, folder) for folder in data):
            return True
        if entry.kind is not EntryKind.FILE or path.lower().endswith(_PROGRAM_ENDINGS):
            return True
        return any(path in part for part in command)

    found = [(path, entry) for path, entry in _walk(store, tree) if may_run(path, entry)]
    rows = [(path, int(entry.kind), entry.id) for path, entry in found]
    identity = ObjectId(blake3(msgpack.packb(rows), derive_key_context="sovrgit scripts v1").digest())
    keys = [ObjectId(blake3(msgpack.packb(row), derive_key_context="sovrgit script v1").digest()) for row in rows]
    return Code(identity, dict(zip(keys, found, strict=True)))


def take_from_others(pod: Pod) -> None:
    """From now on scripts may come from somebody else: those that are here are the user's own, others are asked about.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    if pod.config.get("pod.foreign") == "true":
        return
    # A recipe that cannot be read cannot be run either.
    with contextlib.suppress(RecipeInvalid):
        tree = pod.head_tree()
        golem = read_recipe(pod.store, tree)[1].golem
        if golem is not None:
            code = code_of(pod.store, tree, golem)
            approve(pod, code.id, code.files)
    pod.config.set("pod.foreign", "true")


def _walk(store: ObjectStore, tree: ObjectId) -> Iterator[tuple[bytes, TreeEntry]]:
    for entry in store.tree(tree).entries:
        yield from walk(store, entry, entry.name)


def _is_inside(path: bytes, folder: bytes) -> bool:
    return folder == b"." or path == folder or path.startswith(folder + b"/")


def _is_offered(pod: Pod, tips: list[ObjectId], code: Code, golem: Golem) -> bool:
    """Whether a remote has just these scripts. Files that were all approved can still be put together anew."""
    return any(code_id(pod.store, pod.store.commit(tip).tree, golem) == code.id for tip in tips)


def _any_is_foreign(pod: Pod, tips: list[ObjectId], files: dict[ObjectId, tuple[bytes, TreeEntry]]) -> bool:
    """Whether a commit that came from a remote has one of the files."""
    if not files:
        return False
    seen: set[ObjectId] = set()
    for _, commit in walk_history(pod.store, tips):
        if commit.tree not in seen and any(_has(pod.store, commit.tree, *file) for file in files.values()):
            return True
        seen.add(commit.tree)
    return False


def _has(store: ObjectStore, tree: ObjectId, path: bytes, entry: TreeEntry) -> bool:
    found = find(store, tree, path)
    return found is not None and found.id == entry.id


def _approved(pod: Pod) -> _Approved:
    """What was approved; nothing, if the file cannot be understood: then it is asked again."""
    try:
        content = json.loads((pod.folder / "trusted").read_bytes())
        return _Approved(
            frozenset(map(ObjectId.parse, content["scripts"])), frozenset(map(ObjectId.parse, content["files"]))
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _Approved(frozenset(), frozenset())
