"""The tools that are compared: one adapter each, and the names that the command line knows them by."""

from __future__ import annotations

from tools.backup import Borg, Restic
from tools.base import MESSAGES, Command, Place, Tool
from tools.dvc import Dvc
from tools.floor import Archive, CompressedArchive, Copy, Read, SyncedArchive, SyncedCopy
from tools.git import Annex, Git, UncompressedGit
from tools.sovr import Sovr

__all__ = ["ALIASES", "MESSAGES", "TOOLS", "Command", "Place", "Tool", "choose"]

TOOLS: dict[str, type[Tool]] = {
    tool.name: tool
    for tool in (
        *(Sovr, Git, UncompressedGit, Annex, Dvc, Restic, Borg),
        *(Copy, SyncedCopy, Archive, SyncedArchive, CompressedArchive, Read),
    )
}
"""Every adapter by its name."""

ALIASES = {"cp": ("cp", "cp+sync", "read"), "tar": ("tar", "tar+sync", "tar+zstd")}
"""Names that stand for a family: what the physical limits are made of."""


def choose(names: list[str], paths: dict[str, str]) -> list[Tool]:
    """The adapters with these names, in this order; `paths` gives executables that are not on the path.

    Raises:
        ValueError: if a name is not known.
    """
    wanted = list(dict.fromkeys(name for given in names for name in ALIASES.get(given, (given,))))
    for name in [*wanted, *paths]:
        if name not in TOOLS:
            raise ValueError(f"no tool named {name}; there are {', '.join(TOOLS)}")
    return [TOOLS[name](paths.get(name)) for name in wanted]
