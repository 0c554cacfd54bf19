"""What a table of figures has to say about the machine; nothing that names it or its owner."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path


def describe(folder: Path) -> dict[str, str]:
    """Date, processor, memory, kernel, Python, the file system of `folder` and how busy the machine was."""
    cores = len(os.sched_getaffinity(0))
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {cores} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "file system": _file_system(folder),
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """Type of the file system that holds `folder`, and whether an ext4 lacks its journal, which changes its speed."""
    best, kind, device = Path(), "unknown", ""
    resolved = folder.resolve()
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, mount, name, *_ = line.split(" ")
        point = Path(mount.encode().decode("unicode_escape"))
        if resolved.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind, device = point, name, source
    journals = Path("/proc/fs/jbd2")
    if kind == "ext4" and not list(journals.glob(f"{Path(device).resolve().name}-*")):
        return "ext4 without a journal"
    return kind
