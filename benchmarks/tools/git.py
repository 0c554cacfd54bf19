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

    @property
    def git(self) -> str:
        """The executable of Git itself."""
        return self.path

    def environment(self, place: Place) -> dict[str, str]:
        person = {"NAME": "Benchmark", "EMAIL": "benchmark@example.org"}
        return {
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in person.items()},
        }

    def init(self, place: Place) -> Command:
        return command([self.git, "init", "-q", "-b", "main"])

    def setup(self, place: Place) -> Command:
        return command(
            *([self.git, "config", "--global", key, value] for key, value in self.settings),
            [self.git, "init", "-q", "--bare", "-b", "main", place.remote],
            [self.git, "-C", place.remote, "config", "uploadpack.allowFilter", "true"],
            [self.git, "remote", "add", "origin", place.remote],
        )

    def commit(self, place: Place, message: str) -> Command:
        return command([self.git, "add", "-A"], [self.git, "commit", "-q", "-m", message])

    def status(self, place: Place) -> Command:
        return command([self.git, "status"])

    def push(self, place: Place) -> Command:
        return command([self.git, "push", "-q", "origin", "main"])

    def clone(self, place: Place) -> Command:
        return command([self.git, "clone", "-q", place.remote, place.clone])

    def clone_scripts(self, place: Place) -> Command:
        # A path would be copied or linked whole; and the files at the top are all that `--sparse` checks out.
        address = f"file://{place.remote}"
        return command([self.git, "clone", "-q", "--filter=blob:none", "--sparse", address, place.scripts])

    def stores(self, place: Place) -> tuple[Path, ...]:
        return (place.work / ".git",)


class UncompressedGit(Git):
    """Git told not to compress, for data that does not shrink."""

    name = "git-0"
    settings = (*Git.settings, ("core.compression", "0"))


class Annex(Git):
    """git-annex with unlocked files, so that they can be edited in place as with the other tools."""

    name = "git-annex"
    program = "git-annex"
    needs = ("git",)
    version_arguments = ("version", "--raw")
    startup = MappingProxyType({"git annex status": ("annex", "status")})

    @property
    def git(self) -> str:
        """Git from the path: it finds git-annex by itself."""
        return "git"

    def init(self, place: Place) -> Command:
        return command([self.git, "init", "-q", "-b", "main"], [self.git, "annex", "init", "-q", "work"])

    def setup(self, place: Place) -> Command:
        before = super().setup(place)
        return before._replace(
            lines=(
                *before.lines,
                (self.git, "config", "--global", "annex.addunlocked", "true"),
                (self.git, "-C", str(place.remote), "annex", "init", "-q", "remote"),
            )
        )

    def commit(self, place: Place, message: str) -> Command:
        return command([self.git, "annex", "add", "-q", "."], [self.git, "commit", "-q", "-m", message])

    def status(self, place: Place) -> Command:
        return command([self.git, "annex", "status"])

    def push(self, place: Place) -> Command:
        # Both sides record where content is, so their branches are merged as well as pushed.
        return command([self.git, "annex", "sync", "-q", "--content", "--no-commit", "origin"])

    def clone(self, place: Place) -> Command:
        return command(
            [self.git, "clone", "-q", place.remote, place.clone],
            [self.git, "-C", place.clone, "annex", "init", "-q", "clone"],
            [self.git, "-C", place.clone, "annex", "get", "-q", "."],
        )

    def clone_scripts(self, place: Place) -> Command:
        # Content comes only with `get`.
        return command(
            [self.git, "clone", "-q", place.remote, place.scripts],
            [self.git, "-C", place.scripts, "annex", "init", "-q", "scripts"],
        )
