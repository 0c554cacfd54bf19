"""Where the pods of a task come from: folders of the task itself, or pods that are got by their reference."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from sovrgit.errors import RunNotTrusted, SovrError, TaskInvalid, TaskPodUnavailable
from sovrgit.lockfile import LOCK_FILE
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.payloads.supplying import supply
from sovrgit.pod.paths import REPOSITORY
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, Golem, Recipe
from sovrgit.pod.recipe_checks import plain_path
from sovrgit.pod.recipe_types import TaskPod
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.fairos.wording import without_secrets
from sovrgit.runs.inputs import command_of
from sovrgit.runs.supplied import Supplied
from sovrgit.runs.trust import Proposal, approve, getting_proposal, proposal
from sovrgit.store.files import reporting, write_atomic
from sovrgit.tasks.graph import MAIN
from sovrgit.tasks.means import Means
from sovrgit.tasks.runnable import normalizing, runnable_recipe

TASKS = "tasks"
"""The folder in a repository that holds the pods of its task."""

_NOTE = "source.json"
_ASIDE = ".old-"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Source:
    """What a pod of a task is made of.

    Attributes:
        reference: what it was got by, as records may say it; a path from the task's root for a folder of the task.
        commit: the commit that the reference led to; None for a folder of the task, which is what the task has now.
        home: the root of the pod in whose repository the objects are.
        folder: where the files lie.
        tree: the pod without anything that was run, with the folders that a run needs.
        foreign: whether its scripts are somebody else's.
        origin: where it comes from, for whoever is asked.
        author: of its last commit.
        external: payload of other pods that it asks for itself, as records will say it. It need not be here.
    """

    name: str
    reference: str
    commit: ObjectId | None
    home: Path
    folder: Path
    tree: ObjectId
    recipe_id: ObjectId
    recipe: Recipe
    golem: Golem
    foreign: bool
    origin: str
    author: str
    external: tuple[Supplied, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is a folder of the task."""
        return self.commit is None


def find_sources(
    pod: Pod, snapshot: ObjectId, names: tuple[str, ...], entries: tuple[TaskPod, ...], means: Means, *, update: bool
) -> tuple[Source, ...]:
    """The sources of all pods of a task. What is not here yet is got; nothing of it is run.

    Args:
        snapshot: the tree of the task.
        update: get anew what is here.

    Raises:
        TaskPodUnavailable: if a pod cannot be had.
        TaskInvalid: if one is no pod that can be run in a task.
    """
    author = ""
    if (head := pod.head()) is not None:
        author = pod.store.commit(head).author.name
    found: list[Source] = []
    known: dict[str, Source] = {}
    with normalizing(pod) as normalize:
        for name, entry in zip(names, entries, strict=True):
            path = own_path(pod, snapshot, entry.ref)
            if path is None:
                found.append(_foreign(pod, name, entry.ref, means, update=update))
                continue
            if path not in known:
                tree = find(pod.store, snapshot, os.fsencode(path))
                assert tree is not None
                recipe_id, recipe, golem = runnable_recipe(pod.store, tree.id, name, path)
                if golem.external:
                    raise TaskInvalid(
                        reason=f"the pod `{name}` ({path}) takes payload of other pods, and is a folder of this task",
                        hint="name that payload in `payload` of the task, or make the folder a pod of its own",
                    )
                known[path] = Source(
                    name=name,
                    reference=path,
                    commit=None,
                    home=pod.root,
                    folder=pod.root / path,
                    tree=normalize(tree.id, golem),
                    recipe_id=recipe_id,
                    recipe=recipe,
                    golem=golem,
                    foreign=pod.config.get("pod.foreign") == "true",
                    origin=pod.config.get("pod.origin") or "another pod",
                    author=author,
                )
            found.append(known[path])
    return tuple(found)


def own_path(pod: Pod, snapshot: ObjectId, reference: str) -> str | None:
    """The path of a pod that is a folder of the task; None if the reference leads elsewhere.

    A folder with a repository of its own is another pod, wherever it lies.
    """
    if _is_elsewhere(reference) or os.path.isabs(reference):
        return None
    path = plain_path(reference)
    if path == "." or ".." in path.split("/") or (pod.root / path / REPOSITORY / "format").exists():
        return None
    entry = find(pod.store, snapshot, os.fsencode(path))
    if entry is None or not entry.is_directory:
        return None
    return path if find(pod.store, entry.id, RECIPE_FILE.encode()) is not None else None


def _is_elsewhere(reference: str) -> bool:
    """Whether a reference is none to a file on this machine."""
    return is_fairos(reference) or _SCHEME.match(reference) is not None


def shown_reference(reference: str) -> str:
    """A reference as it may be shown: it can be a secret."""
    if is_fairos(reference):
        try:
            return parse_place(reference).location
        except SovrError:
            return "a sharing reference"
    return without_secrets(reference)


# --- pods that are got ------------------------------------------------------------------------------------------


def _foreign(task: Pod, name: str, reference: str, means: Means, *, update: bool) -> Source:
    folder = task.folder / TASKS / name
    home = folder / MAIN
    note = None if update else _read_note(folder)
    if note is None or note.get("for") != _digest(reference) or not (home / REPOSITORY / "format").is_file():
        ask_to_get(task, [reference], means)
        note = _obtain(task, name, reference, folder, means)
    try:
        with means.open(home) as pod:
            commit = ObjectId.parse(note["commit"])
            made = pod.store.commit(commit)
            recipe_id, recipe, golem = runnable_recipe(pod.store, made.tree, name, shown_reference(reference))
            with normalizing(pod) as normalize:
                tree = normalize(made.tree, golem)
            external, tree = _own_external(pod, tree, golem, made.author.name, means)
            return Source(
                name=name,
                reference=note["reference"],
                commit=commit,
                home=home,
                folder=home,
                tree=tree,
                recipe_id=recipe_id,
                recipe=recipe,
                golem=golem,
                foreign=True,
                origin=note["reference"],
                author=made.author.name,
                external=external,
            )
    except (ValueError, KeyError) as error:
        raise _unavailable(name, reference, "what is here of it is damaged", str(folder)) from error


def _own_external(
    pod: Pod, tree: ObjectId, golem: Golem, author: str, means: Means
) -> tuple[tuple[Supplied, ...], ObjectId]:
    """What a pod takes from others, and its tree with the lock that says so: where it has none, it is looked up."""
    if not golem.external:
        return (), tree

    def asked() -> None:
        command = " ".join(command_of(golem, ()))
        proposed = proposal(pod, tree, golem, command, author, recorded=True)
        if proposed is not None:
            ask(pod, proposed, means)

    said = supply(means.access(pod), ask=asked).said
    with pod.store.session() as session:
        data = (pod.root / LOCK_FILE).read_bytes()
        editor = TreeEditor(pod.store, tree)
        editor.put(LOCK_FILE.encode(), TreeEntry(b"", EntryKind.FILE, session.add(Kind.BLOB, data), len(data)))
        locked = editor.write(session)
        session.commit()
    return said, locked


def ask(pod: Pod, proposed: Proposal, means: Means) -> None:
    """Have something approved.

    Raises:
        RunNotTrusted: if it is not.
    """
    if not means.approve(proposed):
        hint = f"look at what is in `{pod.root}`, then `sovr run --yes`, which is remembered"
        raise RunNotTrusted(command=proposed.command, origin=proposed.origin, hint=hint)
    approve(pod, proposed.code, proposed.files)


def ask_to_get(task: Pod, references: Sequence[str], means: Means) -> None:
    """Have it approved that what a task of somebody else names is got: it could name any place.

    Raises:
        RunNotTrusted: if it is not.
    """
    head = task.head()
    author = task.store.commit(head).author.name if head is not None else ""
    recipe = blob_id((task.root / RECIPE_FILE).read_bytes())
    shown = ", ".join(shown_reference(reference) for reference in references)
    proposed = getting_proposal(task, recipe, f"get {shown}", author)
    if proposed is not None:
        ask(task, proposed, means)


def _obtain(task: Pod, name: str, reference: str, folder: Path, means: Means) -> Mapping[str, str]:
    """Get a pod, in the place of whatever was there, which stays if that fails."""
    aside = folder.with_name(f"{_ASIDE}{folder.name}")
    with reporting(folder):
        # What a process that was killed has left is as good as nothing: results are in the task itself.
        if aside.exists():
            shutil.rmtree(aside)
        if folder.exists():
            folder.rename(aside)
        folder.mkdir(parents=True)
    try:
        with means.obtain(reference, folder / MAIN) as pod:
            head = pod.head()
            assert head is not None
            begun = pod.store.commit(head).fork
            assert begun is not None
            note = {
                "for": _digest(reference),
                "commit": str(begun.commit),
                "reference": pod.config.get("pod.origin") or shown_reference(reference),
            }
    except SovrError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
            if aside.exists():
                aside.rename(folder)
        if not _is_elsewhere(reference) and not os.path.lexists(task.root / reference):
            hint = "a pod is named by its folder, with its recipe.json, or by a reference as `sovr clone` takes it"
            raise _unavailable(name, reference, f"there is no `{reference}`", hint) from None
        raise _unavailable(name, reference, error.message, error.hint) from error
    # Last: without it the pod is got anew.
    write_atomic(folder / _NOTE, json.dumps(note).encode())
    with reporting(aside):
        if aside.exists():
            shutil.rmtree(aside)
    return note


def _unavailable(name: str, reference: str, reason: str, hint: str) -> TaskPodUnavailable:
    return TaskPodUnavailable(name=name, reason=reason, reference=shown_reference(reference), hint=hint or None)


def _read_note(folder: Path) -> Mapping[str, str] | None:
    try:
        note = json.loads((folder / _NOTE).read_bytes())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and all(isinstance(value, str) for value in note.values()) else None


def _digest(reference: str) -> str:
    """Tells whether a reference is another one by now; the reference itself may be a secret."""
    return blake3(reference.encode("utf-8", "surrogateescape"), derive_key_context="sovrgit task pod v1").hexdigest()
