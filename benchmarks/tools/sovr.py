"""`sovr` itself, measured like the others."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from tools.base import Command, Place, Tool, command


class Sovr(Tool):
    """`sovr` with a folder as its remote."""

    name = "sovr"
    program = "sovr"
    startup = MappingProxyType(
        {"sovr --version": ("--version",), "sovr --help": ("--help",), "sovr status": ("status",)}
    )

    def environment(self, place: Place) -> dict[str, str]:
        return {
            "SOVR_AUTHOR_NAME": "Benchmark",
            "SOVR_AUTHOR_EMAIL": "benchmark@example.org",
            "SOVR_CONFIG": "",
            "SOVR_NO_INPUT": "1",
            "SOVR_NO_PROGRESS": "1",
        }

    def init(self, place: Place) -> Command:
        return command([self.path, "init", "--name", "benchmark"])

    def setup(self, place: Place) -> Command:
        return command([self.path, "remote", "add", "origin", place.remote])

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, "commit", "-m", message])

    def status(self, place: Place) -> Command:
        return command([self.path, "status"])

    def push(self, place: Place) -> Command:
        return command([self.path, "push", "origin"])

    def clone(self, place: Place) -> Command:
        return command([self.path, "clone", place.remote, place.clone])

    def clone_scripts(self, place: Place) -> Command:
        return command([self.path, "clone", "--no-payload", place.remote, place.scripts])

    def stores(self, place: Place) -> tuple[Path, ...]:
        return (place.work / ".sovr",)
