"""New pods: a recipe from answers, the folders it names, and the templates that are shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sovrgit.errors import PathNotFound, PodExists
from sovrgit.pod.ignore import IGNORE_FILE
from sovrgit.pod.recipe import RECIPE_FILE, ExternalPayload, Recipe, RecipeKind, parse_recipe
from sovrgit.store.files import reporting, write_atomic

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEMPLATES: Mapping[str, str] = {
    "hello-world": "a greeting from a name: the smallest pod, with Python alone",
    "digits": "handwritten digits told apart by a small model, with its accuracy and a chart (needs scikit-learn)",
    "model-bench": "a task: three models side by side and a fourth pod that compares them, with Python alone",
    "golem-hello": "the same greeting by a rented computer: the smallest script for Golem (needs yapapi)",
    "classify": "one model over many images, each on a rented computer, without a script for Golem (needs yapapi)",
    "blender": "frames of a scene, rendered on rented computers by a script for Golem (needs yapapi)",
    "blender-declared": "the same without a script for Golem (needs yapapi)",
}
"""The templates, each with what it is."""

IGNORE_DEFAULTS = """\
# What is not part of the pod. Patterns as in .gitignore.

# Python
__pycache__/
*.py[cod]
.venv/
venv/
*.egg-info/
.ipynb_checkpoints/
.mypy_cache/
.pytest_cache/
.ruff_cache/

# editors and desktops
.DS_Store
Thumbs.db
.idea/
.vscode/
*.swp
*~

# other version control
.git/

# keys and passwords
.env
creds.json
"""
"""What a new pod ignores."""

_LEFTOVERS = {"__pycache__", ".DS_Store"}
"""Names in an installed template that are no part of it: Python leaves the first when a script there is compiled."""


def new_recipe(
    *,
    name: str,
    kind: RecipeKind = "compute",
    description: str = "",
    author: str = "",
    version: str = "1.0",
    public: bool = False,
    exec: str = "",
    external: Sequence[ExternalPayload] = (),
    pods: Sequence[str] = (),
) -> bytes:
    """The text of a new recipe, with the keys and the order of the first Sovr CLI's wizard.

    `exec` and `external` are for a compute pod, `pods` for a task.

    Raises:
        RecipeInvalid: if the values do not make a recipe, such as an empty name.
    """
    recipe: dict[str, Any] = {
        "name": name.strip(),
        "description": description,
        "author": author,
        "version": version,
        "public": public,
    }
    if kind == "compute":
        payload = [{"ref": entry.ref, "data": entry.data} for entry in external]
        recipe["golem"] = {"exec": exec, "payload": payload or "payload", "output": "output", "logs": "logs"}
    elif kind == "task":
        recipe["pods"] = list(pods)
    data = _pretty(recipe)
    parse_recipe(data)
    return data


def write_skeleton(folder: Path, recipe: bytes) -> tuple[str, ...]:
    """Write the recipe, `.sovrignore`, and the empty folders that a pod with this recipe has.

    `folder` is made if it is not there; a `.sovrignore` that is there is kept. Returns the paths of the files that
    were written, from `folder`.

    Raises:
        RecipeInvalid: if the recipe has no meaning.
        PodExists: if there is a `recipe.json` already. Nothing is written.
        ReadOnly, StorageFull, StorageFailure: if writing fails.
    """
    parsed = parse_recipe(recipe)
    return _write(folder, {RECIPE_FILE: recipe}, _folders(parsed))


def write_template(
    template: str,
    folder: Path,
    *,
    name: str | None = None,
    author: str | None = None,
    exec: str | None = None,
    values: Mapping[str, object] = {},
) -> tuple[str, ...]:
    """Write a copy of a template, with `name` and `author`, another command, and other `values` in its recipe.

    `folder` is made if it is not there; a `.sovrignore` that is there is kept. Returns the paths of the files that
    were written, from `folder`.

    Raises:
        PathNotFound: if there is no such template.
        RecipeInvalid: if `name` cannot be the name of a pod.
        PodExists: if a file of the template is there already. Nothing is written.
        ReadOnly, StorageFull, StorageFailure: if writing fails.
    """
    if template not in TEMPLATES:
        hint = f"the templates are {', '.join(f'`{known}`' for known in TEMPLATES)}"
        raise PathNotFound(path=template, where="the templates", hint=hint)
    from importlib.resources import files

    contents = dict(_read_template(files("sovrgit") / "templates" / template))
    recipe = json.loads(contents[RECIPE_FILE])
    recipe |= {key: value for key, value in (("name", name), ("author", author)) if value is not None} | dict(values)
    if exec is not None:
        recipe["golem"]["exec"] = exec
    contents[RECIPE_FILE] = _pretty(recipe)
    return _write(folder, contents, _folders(parse_recipe(contents[RECIPE_FILE])))


def write_ignore(folder: Path) -> tuple[str, ...]:
    """Write the `.sovrignore` of a new pod into a folder that has none, so that keys and caches in it are not recorded.

    Returns the path of the file if it was written, from `folder`.

    Raises:
        ReadOnly, StorageFull, StorageFailure: if writing fails.
    """
    path = folder / IGNORE_FILE
    if path.exists() or path.is_symlink():
        return ()
    write_atomic(path, IGNORE_DEFAULTS.encode(), sync=False)
    return (IGNORE_FILE,)


def _pretty(recipe: Mapping[str, Any]) -> bytes:
    return (json.dumps(recipe, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _folders(recipe: Recipe) -> tuple[str, ...]:
    golem = recipe.golem
    if golem is None:
        return () if recipe.payload_folder is None else (recipe.payload_folder,)
    return golem.script_folder, golem.payload_folder, golem.shared_output or golem.output_folder, golem.log_folder


def _read_template(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name in _LEFTOVERS:
            continue
        if entry.is_dir():
            yield from _read_template(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _write(folder: Path, contents: Mapping[str, bytes], folders: Iterable[str]) -> tuple[str, ...]:
    with reporting(folder):
        for path in contents:
            if (folder / path).exists() or (folder / path).is_symlink():
                raise PodExists(path=str(folder), reason=f"has a `{path}` already")
        if not (folder / IGNORE_FILE).exists():
            contents = {**contents, IGNORE_FILE: IGNORE_DEFAULTS.encode()}
        for path in folders:
            (folder / path).mkdir(parents=True, exist_ok=True)
        for path in contents:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
    paths = sorted(contents)
    # The recipe comes last: a folder with a recipe is a whole pod, whatever interrupted the writing before.
    for path in sorted(paths, key=RECIPE_FILE.__eq__):
        # Not every way to install a package keeps what may be executed.
        mode = 0o777 if contents[path].startswith(b"#!") else 0o666
        write_atomic(folder / path, contents[path], mode=mode, sync=path == RECIPE_FILE)
    return tuple(paths)
