"""What a run depends on: its input tree and its run key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgpack
from blake3 import blake3

from sovrgit.errors import RecipeInvalid, Unsupported
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import THIS_TASK, External, Run
from sovrgit.objects.tree import EMPTY_TREE_ID, TreeEntry
from sovrgit.pod.recipe import RECIPE_FILE, Golem, Recipe, expand_exec, parse_recipe
from sovrgit.pod.recipe_checks import parameter_text
from sovrgit.pod.treediff import diff_trees, find, walk
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore

RUN_FORMAT = 1
"""Goes into the run key: raised when the meaning of a run changes, so that old results are not taken for new ones."""

EXTERNAL_FOLDER = "external"
"""Where payload of other pods lies, below the payload folder, as the first Sovr CLI puts it."""

_KEY_CONTEXT = "sovrgit run key v1"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a run's result may depend on and that is under version control."""

    recipe_id: ObjectId
    recipe: Recipe
    golem: Golem
    tree: ObjectId

    @property
    def outputs(self) -> tuple[str, ...]:
        """The folders whose content the run makes."""
        return (self.golem.output_folder,)


def read_inputs(store: ObjectStore, session: WriteSession, tree: ObjectId, mode: str = "") -> Inputs:
    """The inputs in a tree of a whole pod: the tree without output and logs is stored in `session`.

    Args:
        mode: that of the executor.

    Raises:
        RecipeInvalid: if there is no recipe, or none that can be run.
        Unsupported: if the recipe asks for what this version cannot do.
    """
    recipe_id, recipe = read_recipe(store, tree)
    if recipe.kind == "task":
        raise Unsupported(
            what="running a task as if it were one pod",
            reason="it has no command",
            hint="`sovr run` runs all its pods; `sovr rerun` and `sovr verify` take the run of one of them",
        )
    if recipe.golem is None:
        raise recipe.invalid("golem", "is missing, so there is nothing to run")
    _check_supported(recipe, recipe.golem, mode)
    return Inputs(recipe_id, recipe, recipe.golem, input_tree(store, session, tree, recipe.golem))


def _check_supported(recipe: Recipe, golem: Golem, mode: str) -> None:
    if mode == "" and golem.command is None:
        for key, what in (("image", "a job in an image"), ("each", "a job for each of several files")):
            if getattr(golem, key) is not None:
                raise Unsupported(
                    what=f"{what} ({recipe.file}{recipe.at(f'golem.{key}')}) on this machine",
                    reason="it needs Golem, or the devnet that stands in for it",
                    hint="run it there with `sovr run --on devnet`, or give a command for this machine as `golem.exec`",
                )
    if mode == "script" and golem.command is None:
        raise recipe.invalid("golem.exec", "is missing; it names the script that asks Golem for providers")


def external_folder(golem: Golem) -> str:
    """Where payload of other pods lies, as a path from the pod's root."""
    return EXTERNAL_FOLDER if golem.payload_folder == "." else f"{golem.payload_folder}/{EXTERNAL_FOLDER}"


def input_tree(store: ObjectStore, session: WriteSession, tree: ObjectId, golem: Golem) -> ObjectId:
    """The tree of a whole pod without what a run makes: outputs and logs. It is stored in `session`."""
    editor = TreeEditor(store, tree)
    for folder in (golem.output_folder, golem.log_folder):
        editor.put(folder.encode(), None)
    for folder in (golem.script_folder, golem.payload_folder):
        # Odd, but allowed: what the run needs lies among its logs.
        if folder == golem.log_folder or folder.startswith(golem.log_folder + "/"):
            editor.put(folder.encode(), find(store, tree, folder.encode()))
    return editor.write(session)


def read_recipe(store: ObjectStore, tree: ObjectId) -> tuple[ObjectId, Recipe]:
    """The recipe in a pod's tree, with the id of its file.

    Raises:
        RecipeInvalid: if there is none, or it cannot be read.
    """
    entry = find(store, tree, RECIPE_FILE.encode())
    if entry is None or entry.is_directory:
        raise RecipeInvalid(file=RECIPE_FILE, at="", reason="there is none in this pod", hint="run `sovr init`")
    return entry.id, parse_recipe(bytes(store.read(entry.id, Kind.BLOB)))


def subtree(
    store: ObjectStore,
    session: WriteSession,
    tree: ObjectId,
    folders: Sequence[str],
    *,
    without: str | None = None,
    base: ObjectId | None = None,
) -> ObjectId | None:
    """The tree that holds only some folders of another one, at their paths; None if there is no file in them.

    What stands in the place of a folder and is none, such as a link, is left out.

    Args:
        without: a folder that is left out where it lies in one of the others.
        base: if given, files that are the same in this tree are left out.
    """
    editor = TreeEditor(store)
    empty = True
    for folder in folders:
        path = folder.encode()
        found = find(store, tree, path)
        if found is None or not found.is_directory:
            continue
        hidden = without.encode() if without is not None and without.startswith(folder + "/") else None
        if base is None:
            editor.put(path, found)
            if hidden is not None:
                editor.put(hidden, None)
            empty = empty and not has_files(store, found, path, hidden)
            continue
        before = find(store, base, path)
        for change in diff_trees(store, _folder(before), found.id, path + b"/"):
            if change.new is not None and not change.new.is_directory and not _is_inside(change.path, hidden):
                editor.put(change.path, change.new)
                empty = False
    return None if empty else editor.write(session)


def has_files(store: ObjectStore, entry: TreeEntry, path: bytes = b"", without: bytes | None = None) -> bool:
    """Whether there is a file or link in an entry at `path`, except in the folder `without`; empty files count."""
    return any(not below.is_directory and not _is_inside(place, without) for place, below in walk(store, entry, path))


def _is_inside(path: bytes, folder: bytes | None) -> bool:
    return folder is not None and (path == folder or path.startswith(folder + b"/"))


def _folder(entry: TreeEntry | None) -> ObjectId:
    return entry.id if entry is not None and entry.is_directory else EMPTY_TREE_ID


def command_of(golem: Golem, arguments: Sequence[str], mode: str = "") -> tuple[str, ...]:
    """The command as it stands in records: `[@]` for the pod's folder, arguments of this run at the end.

    Args:
        mode: that of the executor: a declared job takes `run` before `exec`, others `exec` before `run`.
    """
    if golem.command is not None and (mode != "declared" or golem.run is None):
        argv = expand_exec(golem.command, _MARK)
    elif isinstance(golem.run, str):
        argv = ["/bin/sh", "-c", golem.run]
    else:
        argv = list(golem.run or ())
    return (*(part.replace(_MARK + "/", "[@]") for part in argv), *arguments)


_MARK = "\0pod"
"""Cannot stand in a command, so that expanding and taking back changes nothing else."""


def argv_of(command: Sequence[str], folder: str) -> tuple[str, ...]:
    """The command with the pod's folder in the place of `[@]`."""
    return tuple(part.replace("[@]", folder.rstrip("/") + "/") for part in command)


def with_defaults(golem: Golem, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a run: those of the recipe, as text, and over them those that were given."""
    return {**{name: parameter_text(value) for name, value in golem.params.items()}, **parameters}


def run_key(
    inputs: Inputs,
    command: Sequence[str],
    parameters: Mapping[str, str],
    external: Sequence[External],
    executor: str,
    image: str = "",
) -> ObjectId:
    """The id of a computation: two runs with the same key should give the same output.

    BLAKE3 in key-derivation mode over msgpack of: run format, executor class, recipe, input tree, command, parameters
    sorted by name, external payloads as they lie, and, if it is known, the digest of the image.
    """
    return _key_of(inputs.recipe_id, inputs.tree, command, parameters, external, executor, image)


def claims_key(run: Run, key: ObjectId) -> bool:
    """Whether what a record says of its inputs makes a run key: a key can be written into any record."""
    images = [""]
    hashed = image.get("hash") if isinstance(image := run.golem.get("image"), dict) else None
    if isinstance(hashed, str) and hashed:
        # Which image it was may only have been known when it was run.
        images.append(hashed)
    name = run.executor.get("name", "")
    return run.key == key and any(
        _key_of(run.recipe, run.input, run.command, run.parameters, run.external, name, image) == key
        for image in images
    )


def _key_of(
    recipe: ObjectId,
    tree: ObjectId,
    command: Sequence[str],
    parameters: Mapping[str, str],
    external: Sequence[External],
    executor: str,
    image: str,
) -> ObjectId:
    parts: tuple[object, ...] = (
        RUN_FORMAT,
        executor,
        recipe,
        tree,
        list(command),
        sorted(parameters.items()),
        sorted((entry.path, entry.id, entry.place, entry.executable) for entry in external),
        *((image,) if image else ()),
    )
    return ObjectId(blake3(msgpack.packb(parts), derive_key_context=_KEY_CONTEXT).digest())


def _owner(reference: str) -> str:
    """What a reference leads to, in words. Those to anywhere else than the folder of a task are long."""
    if reference == THIS_TASK:
        return "the task"
    return "another pod" if ":" in reference or reference.startswith(("/", "..")) else f"`{reference}`"


def _by_place(external: Sequence[External]) -> Mapping[tuple[str, str], list[ObjectId]]:
    """What was given, by reference and path, which several runs of the same pod share."""
    found: dict[tuple[str, str], list[ObjectId]] = {}
    for item in external:
        found.setdefault((item.reference, item.path), []).append(item.id)
    return found


def explain(
    store: ObjectStore,
    previous: Run,
    current: Run | Inputs,
    parameters: Mapping[str, str],
    external: Sequence[External] = (),
) -> list[str]:
    """What differs from an earlier run, in words; what comes first weighs most."""
    reasons = []
    recipe = current.recipe_id if isinstance(current, Inputs) else current.recipe
    tree = current.tree if isinstance(current, Inputs) else current.input
    if previous.recipe != recipe:
        reasons.append("the recipe changed")
    for change in diff_trees(store, previous.input, tree):
        if change.path != RECIPE_FILE.encode():
            reasons.append(f"`{change.path.decode('utf-8', 'backslashreplace')}` was {change.kind}")
    before, after = _by_place(previous.external), _by_place(external)
    for reference, path in sorted(before.keys() | after.keys()):
        if before.get((reference, path)) != after.get((reference, path)):
            reasons.append(f"the payload `{path}` of {_owner(reference)} changed")
    for name in sorted(previous.parameters.keys() | parameters.keys()):
        if previous.parameters.get(name) != parameters.get(name):
            reasons.append(f"parameter `{name}` changed")
    return reasons
