"""What is in the pod of the program itself: the package as it is installed, and what it takes to build and try it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import sovrgit
from sovrgit.errors import Unsupported
from sovrgit.pod.ignore import IGNORE_FILE
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.scaffold import IGNORE_DEFAULTS
from sovrgit.selfpod.backend import METADATA, package_files
from sovrgit.selfpod.pyproject import metadata_of, pyproject
from sovrgit.store.files import reporting

NAME = "sovr"
"""The pod's name."""

PROGRAM = "sovrgit"
_BACKEND = "sovrgit.selfpod.backend"
_INSTALL_AGAIN = "install the program again, then repeat the command"


@dataclass(frozen=True, slots=True)
class SelfContents:
    """The files of the pod by path, and the empty folders. The same version always makes the same."""

    version: str
    files: Mapping[str, bytes]
    folders: tuple[str, ...] = ("output", "logs")

    def write(self, root: Path) -> None:
        """Write them into a folder.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        with reporting(root):
            for folder in self.folders:
                (root / folder).mkdir(parents=True, exist_ok=True)
            for path, data in self.files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)


def self_contents() -> SelfContents:
    """What the pod of this program holds.

    Raises:
        Unsupported: if it runs without having been installed, so that nothing says what it needs.
        StorageFull, ReadOnly, StorageFailure: if a file of it cannot be read.
    """
    program = _installed()
    folder = Path(sovrgit.__file__).parent
    metadata = program.read_text("METADATA") or ""
    licence = program.read_text("licenses/LICENSE") or program.read_text("LICENSE")
    if not metadata or licence is None:
        raise _not_installed("its metadata is not complete")
    with reporting(folder):
        package = {path: (folder.parent / path).read_bytes() for path in _package(program, folder)}
    contents = {
        **package,
        RECIPE_FILE: _recipe(program),
        IGNORE_FILE: IGNORE_DEFAULTS.encode(),
        METADATA: metadata.encode(),
        "README.md": metadata.partition("\n\n")[2].encode(),
        "LICENSE": licence.encode(),
        "pyproject.toml": pyproject(program, _BACKEND).encode(),
        "script/smoke.py": package["sovrgit/selfpod/smoke.py"],
    }
    return SelfContents(program.version, dict(sorted(contents.items())))


def _installed() -> Distribution:
    try:
        program = distribution(PROGRAM)
    except PackageNotFoundError:
        raise _not_installed("it runs from a folder") from None
    if program.version != sovrgit.__version__:
        raise _not_installed(f"it is version {sovrgit.__version__}, and version {program.version} was installed")
    return program


def _not_installed(reason: str) -> Unsupported:
    return Unsupported(what="making a pod of this program", reason=reason, hint=_INSTALL_AGAIN)


def _package(program: Distribution, folder: Path) -> list[str]:
    """The paths of the package's files: those that were installed, or all there are where it runs from its source."""
    listed = [str(path) for path in program.files or () if path.parts[0] == PROGRAM and path.suffix != ".pyc"]
    if not listed:
        return package_files(folder.parent)
    if not Path(str(program.locate_file(PROGRAM))).samefile(folder):
        raise _not_installed("what runs is not what was installed")
    return sorted(listed)


def _recipe(program: Distribution) -> bytes:
    metadata = metadata_of(program)
    recipe = {
        "name": NAME,
        "description": metadata["Summary"] or "",
        "version": program.version,
        "author": metadata["Author"] or "",
        "public": True,
        "golem": {
            "exec": "python3 script/smoke.py",
            "script": "script",
            "payload": PROGRAM,
            "output": "output",
            "logs": "logs",
        },
    }
    return (json.dumps(recipe, indent=2, ensure_ascii=False) + "\n").encode()
