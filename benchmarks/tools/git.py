"""Git, and what builds on it: git-annex."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from tools.base import Command, Place, Tool, command


class Git(Tool):
    """Git as it comes, but with no collection of garbage in the background, which would run into the next step."""

    name = "git"
    program = "git"
    settings: tuple[tuple[str, str], ...] = (("gc.auto", "0"), ("maintenance.auto", "false"))
    startup = MappingProxyType({"git --version": ("--version",), "git status": ("status",)})

    def environment(self, place: Place) -> dict[str, str]:
        person = {"NAME": "Benchmark", "EMAIL": "benchmark@example.org"}
        return {
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in person.items()},
        }

    def init(self, place: Place) -> Command:
        return command([self.path, "init", "-q", "-b", "main"])

    def setup(self, place: Place) -> Command:
        return command(
            *([self.path, "config", "--global", key, value] for key, value in self.settings),
            [self.path, "init", "-q", "--bare", "-b", "main", place.remote],
            [self.path, "remote", "add", "origin", place.remote],
        )

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, "add", "-A"], [self.path, "commit", "-q", "-m", message])

    def status(self, place: Place) -> Command:
        return command([self.path, "status"])

    def push(self, place: Place) -> Command:
        return command([self.path, "push", "-q", "origin", "main"])

    def clone(self, place: Place) -> Command:
        return command([self.path, "clone", "-q", place.remote, place.clone])

    def store(self, place: Place) -> Path:
        return place.work / ".git"


class UncompressedGit(Git):
    """Git told not to compress, for data that does not shrink."""

    name = "git-0"
    settings = (*Git.settings, ("core.compression", "0"))


class Annex(Git):
    """git-annex with unlocked files, so that they can be edited in place as with the other tools."""

    name = "git-annex"
    needs = ("git-annex",)
    startup = MappingProxyType({"git annex status": ("annex", "status")})

    def version(self) -> str:
        return self.version_of(["git-annex", "version", "--raw"])

    def init(self, place: Place) -> Command:
        return command([self.path, "init", "-q", "-b", "main"], [self.path, "annex", "init", "-q", "work"])

    def setup(self, place: Place) -> Command:
        before = super().setup(place)
        return before._replace(
            lines=(
                *before.lines,
                (self.path, "config", "--global", "annex.addunlocked", "true"),
                (self.path, "-C", str(place.remote), "annex", "init", "-q", "remote"),
            )
        )

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, "annex", "add", "-q", "."], [self.path, "commit", "-q", "-m", message])

    def status(self, place: Place) -> Command:
        return command([self.path, "annex", "status"])

    def push(self, place: Place) -> Command:
        return command(
            [self.path, "annex", "copy", "-q", "--to", "origin", "."],
            [self.path, "push", "-q", "origin", "main", "git-annex"],
        )

    def clone(self, place: Place) -> Command:
        return command(
            [self.path, "clone", "-q", place.remote, place.clone],
            [self.path, "-C", place.clone, "annex", "init", "-q", "clone"],
            [self.path, "-C", place.clone, "annex", "get", "-q", "."],
        )
