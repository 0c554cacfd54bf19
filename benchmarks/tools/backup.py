"""Backup programs: a repository of deduplicated chunks. A commit writes to it directly, so there is no push."""

from __future__ import annotations

from types import MappingProxyType

from tools.base import MESSAGES, Command, Place, Tool, command


class Restic(Tool):
    """restic. It always encrypts."""

    name = "restic"
    program = "restic"
    version_arguments = ("version",)
    startup = MappingProxyType({"restic version": ("version",)})

    def environment(self, place: Place) -> dict[str, str]:
        return {
            "RESTIC_REPOSITORY": str(place.store),
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_CACHE_DIR": str(place.home / "restic"),
        }

    def init(self, place: Place) -> Command:
        return command([self.path, "init", "-q"])

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, "backup", "-q", "payload"])

    def status(self, place: Place) -> Command:
        return command([self.path, "backup", "-q", "--dry-run", "payload"])

    def clone(self, place: Place) -> Command:
        return command([self.path, "restore", "-q", "latest", "--target", place.clone])

    def remote(self, place: Place) -> None:
        return None


class Borg(Tool):
    """borg without encryption."""

    name = "borg"
    program = "borg"
    wants_clone_folder = True
    startup = MappingProxyType({"borg --version": ("--version",)})

    def environment(self, place: Place) -> dict[str, str]:
        return {
            "BORG_REPO": str(place.store),
            "BORG_BASE_DIR": str(place.home),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def init(self, place: Place) -> Command:
        return command([self.path, "init", "-e", "none"])

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, "create", f"::{message}", "payload"])

    def status(self, place: Place) -> Command:
        return command([self.path, "create", "--dry-run", "::status", "payload"])

    def clone(self, place: Place) -> Command:
        return command([self.path, "extract", f"::{MESSAGES['commit']}"], folder=place.clone)

    def remote(self, place: Place) -> None:
        return None
