"""DVC: the data in its cache, one pointer in Git."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from tools.base import Command, Place, Tool, command
from tools.git import Git


class Dvc(Tool):
    """DVC with Git, as its documentation shows it; statistics and the search for updates are off."""

    name = "dvc"
    program = "dvc"
    needs = ("git",)
    startup = MappingProxyType({"dvc --version": ("--version",), "dvc status": ("status",)})

    def environment(self, place: Place) -> dict[str, str]:
        # Its index of folders would else lie in a place that outlives the benchmark.
        return {**Git().environment(place), "DVC_SITE_CACHE_DIR": str(place.home / "dvc"), "DVC_NO_ANALYTICS": "1"}

    def init(self, place: Place) -> Command:
        return command(["git", "init", "-q", "-b", "main"], [self.path, "init", "-q"])

    def setup(self, place: Place) -> Command:
        bare = place.remote / "git"
        return command(
            [self.path, "config", "-q", "core.analytics", "false"],
            [self.path, "config", "-q", "core.check_update", "false"],
            [self.path, "remote", "add", "-q", "-d", "storage", place.remote / "data"],
            ["git", "init", "-q", "--bare", "-b", "main", bare],
            ["git", "remote", "add", "origin", bare],
        )

    def commit(self, place: Place, message: str) -> Command:
        return command(
            [self.path, "add", "-q", "payload"],
            ["git", "add", "-A"],
            ["git", "commit", "-q", "-m", message],
        )

    def status(self, place: Place) -> Command:
        return command([self.path, "status"])

    def push(self, place: Place) -> Command:
        return command([self.path, "push", "-q"], ["git", "push", "-q", "origin", "main"])

    def clone(self, place: Place) -> Command:
        return command(
            ["git", "clone", "-q", place.remote / "git", place.clone],
            [self.path, "--cd", place.clone, "pull", "-q"],
        )

    def stores(self, place: Place) -> tuple[Path, ...]:
        return (place.work / ".dvc" / "cache", place.work / ".git")
