"""Puts the man pages into the wheel, made from the commands and the help at the time when it is built."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[type-arg] - hatchling is there only while something is built
    """`share/man`, where `man` looks beside every folder of programs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages, and name them to the wheel. One that leads back to the sources has none."""
        if version != "standard":
            return
        sys.path.insert(0, self.root)
        try:
            from sovrgit.commands.manual import write_pages
        finally:
            sys.path.remove(self.root)
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        build_data["shared_data"] = {
            str(path): f"share/man/{path.relative_to(folder).as_posix()}" for path in write_pages(folder)
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was written."""
        if version == "standard":
            self._folder.cleanup()
