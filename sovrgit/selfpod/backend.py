"""Builds the program out of a pod that `sovr persist-self` has made: what pip calls (PEP 517 and 660).

It belongs to the pod and needs nothing but the standard library, so that `pip install ./sovr` needs no index for a
build tool. What it builds says of itself, in `METADATA`, exactly what the program said that made the pod; the same
version makes the same wheel, byte by byte. All functions work in the current folder, as PEP 517 has it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

METADATA = "PKG-INFO"
"""The metadata of the installed program, at the root of the pod, where source distributions have it."""

_PACKAGE = "sovrgit"
_MODE = 0o644
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that an archive can name: times would make each one another."""

_WHEEL = "Wheel-Version: 1.0\nGenerator: sovr persist-self\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel; its file name."""
    files = {path: (Path.cwd() / path).read_bytes() for path in package_files(Path.cwd())}
    return _write_wheel(Path(wheel_directory), files)


def build_editable(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that leads back to this folder; its file name."""
    return _write_wheel(Path(wheel_directory), {f"_{_PACKAGE}.pth": os.fsencode(Path.cwd()) + b"\n"})


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build a source distribution, which is the pod without its history; its file name."""
    stem = "-".join(_name_and_version())
    paths = ["LICENSE", METADATA, "README.md", "pyproject.toml", "recipe.json", "script/smoke.py"]
    name = f"{stem}.tar.gz"
    with tarfile.open(Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in [*paths, *package_files(Path.cwd())]:
            data = (Path.cwd() / path).read_bytes()
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size, entry.mode = len(data), _MODE
            archive.addfile(entry, io.BytesIO(data))
    return name


def package_files(root: Path) -> list[str]:
    """The files of the package below a folder, in order, but for what Python leaves there."""
    return sorted(_walk(root / _PACKAGE, f"{_PACKAGE}/"))


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.name == "__pycache__" or entry.name.startswith(".") or entry.name.endswith((".pyc", "~")):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            yield prefix + entry.name


def _name_and_version() -> tuple[str, str]:
    """Name and version as file names have them."""
    head = Path(METADATA).read_text(encoding="utf-8").partition("\n\n")[0]
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    return re.sub(r"[-_.]+", "_", fields["Name"]).lower(), fields["Version"].replace("-", "_")


def _write_wheel(folder: Path, files: Mapping[str, bytes]) -> str:
    name, version = _name_and_version()
    info = f"{name}-{version}.dist-info"
    scripts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    entries = "".join(f"{script} = {target}\n" for script, target in scripts.items())
    contents = {
        **files,
        f"{info}/METADATA": Path(METADATA).read_bytes(),
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": f"[console_scripts]\n{entries}".encode(),
        f"{info}/licenses/LICENSE": Path("LICENSE").read_bytes(),
    }
    record = "".join(f"{path},{_digest(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.external_attr = _MODE << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return wheel


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
