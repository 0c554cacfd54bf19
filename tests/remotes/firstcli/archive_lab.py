"""Archives as the first Sovr CLI made them, and as somebody with bad intentions does."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

DATE = (2023, 2, 14, 12, 30, 10)
DATE_SECONDS = 1_676_377_810

RECIPE = b"""{
  "name": "blender", "description": "Renders a .blend file.", "version": "1.0", "author": "reza", "public": true,
  "golem": {"exec": "python3 script/blender.py", "script": "script", "payload": "payload", "output": "output",
            "log": "logs"}
}
"""


def stored_by_first_cli(folder: Path, name: str) -> bytes:
    """A folder as `--persist` packs it."""
    packed = Path(shutil.make_archive(str(folder.parent / name), "zip", folder))
    data = packed.read_bytes()
    packed.unlink()
    return data


def entry(name: str, mode: int | None = None, **fields: object) -> zipfile.ZipInfo:
    """An entry with a name that `zipfile` would not have made."""
    if mode is None:
        mode = stat.S_IFDIR | 0o755 if name.endswith("/") else stat.S_IFREG | 0o644
    info = zipfile.ZipInfo("x", DATE)
    info.filename = name
    info.external_attr = mode << 16
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def zipped(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """A zip archive of these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in entries:
            archive.writestr(entry(info) if isinstance(info, str) else info, content)
    return file.getvalue()


def zipped_files(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of plain files."""
    return zipped(*files.items())


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """A symbolic link, for `zipped`."""
    return entry(name, stat.S_IFLNK | 0o777), target.encode()


def tarred(*members: tuple[str, bytes | Callable[[tarfile.TarInfo], None]], mode: str = "w", **options: int) -> bytes:
    """A tar archive: of files, or of what a function makes of a member."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime = DATE_SECONDS
            if callable(content):
                content(info)
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def of_type(kind: bytes, target: str = "", **fields: object) -> Callable[[tarfile.TarInfo], None]:
    """What makes a member of some type, for `tarred`."""

    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, target
        for key, value in fields.items():
            setattr(info, key, value)

    return change


def tree(folder: Path) -> dict[str, object]:
    """What is in a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def nothing_is_left(folder: Path) -> bool:
    """Whether there is the archive, and nothing that came out of it."""
    return sorted(path.name for path in folder.iterdir()) == ["archive"]
