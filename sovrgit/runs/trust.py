"""Whose scripts may run: a pod that came from somebody else asks before its first run, and when its scripts change."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import msgpack
from blake3 import blake3

from sovrgit.errors import RecipeInvalid
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Golem
from sovrgit.pod.refs import REMOTES
from sovrgit.runs.inputs import command_of, read_recipe
from sovrgit.store.files import write_atomic
from sovrgit.store.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would run: the command, the id of the scripts, and where they come from."""

    command: str
    code: ObjectId
    origin: str
    author: str


def needs_approval(pod: Pod, code: ObjectId, theirs: set[ObjectId]) -> bool:
    """Whether scripts must be approved before they run.

    They need not if the pod was made here, if they were approved before, or if they are the user's own changes to
    scripts that were.
    """
    if pod.config.get("pod.foreign") != "true":
        return False
    approved = _approved(pod)
    return code not in approved and (not approved or code in theirs)


def approve(pod: Pod, code: ObjectId) -> None:
    """Remember that scripts may run.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    approved = sorted({*map(str, _approved(pod)), str(code)})
    write_atomic(pod.folder / "trusted", json.dumps(approved).encode())


def code_id(store: ObjectStore, tree: ObjectId, golem: Golem) -> ObjectId:
    """The id of everything in a pod's tree that a run may execute.

    That is all of it but output and logs, which a run makes, and payload, which is data: of the payload only the files
    that are executable or named in the command.
    """
    made = {golem.output_folder.encode(), golem.log_folder.encode()}
    payload = golem.payload_folder.encode()
    named = {part.removeprefix("[@]").encode() for part in command_of(golem, ())}
    found = []

    def gather(path: bytes, entry: TreeEntry, *, data: bool) -> None:
        if path in made:
            return
        if path == payload:
            data = True
        if entry.is_directory and (data or any(inner.startswith(path + b"/") for inner in (*made, payload))):
            for child in store.tree(entry.id).entries:
                gather(path + b"/" + child.name, child, data=data)
        elif not data or entry.kind is EntryKind.EXECUTABLE or path in named:
            found.append((path, int(entry.kind), entry.id))

    for entry in store.tree(tree).entries:
        gather(entry.name, entry, data=payload == b".")
    return ObjectId(blake3(msgpack.packb(found), derive_key_context="sovrgit scripts v1").digest())


def foreign_code(pod: Pod) -> set[ObjectId]:
    """The ids of the scripts that remotes have, as they were last seen."""
    found = set()
    for value in set(pod.refs.read().under(REMOTES).values()):
        tree = pod.store.commit(value).tree
        # A recipe that cannot be read cannot be run either.
        with contextlib.suppress(RecipeInvalid):
            golem = read_recipe(pod.store, tree)[1].golem
            if golem is not None:
                found.add(code_id(pod.store, tree, golem))
    return found


def _approved(pod: Pod) -> set[ObjectId]:
    try:
        return {ObjectId.parse(text) for text in json.loads((pod.folder / "trusted").read_bytes())}
    except (FileNotFoundError, ValueError, TypeError):
        return set()
