"""What the machine can do at best: copying, archiving and reading, with and without waiting for the disk."""

from __future__ import annotations

from pathlib import Path

from tools.base import MESSAGES, Command, Place, Tool, command


class Copy(Tool):
    """`cp -a`; edits are copied by comparing times."""

    name = "cp"
    program = "cp"
    synced = False
    keeps_history = False
    wants_clone_folder = True

    def _lines(self, line: list[str | Path], folder: Path) -> Command:
        # `sync -f` waits for the whole file system, which nothing else should be writing to.
        return command(line, ["sync", "-f", folder]) if self.synced else command(line)

    def commit(self, place: Place, message: str) -> Command:
        return self._copy(place.payload, place.store, message == MESSAGES["edit"])

    def push(self, place: Place) -> Command:
        return self._copy(place.store / "payload", place.remote, (place.remote / "payload").exists())

    def clone(self, place: Place) -> Command:
        return self._copy(place.remote / "payload", place.clone, update=False)

    def _copy(self, source: Path, folder: Path, update: bool) -> Command:
        # A copy that shares blocks would be no copy: other tools cannot do it with packs.
        line: list[str | Path] = [self.path, "-a", "--reflink=never"]
        return self._lines([*line, *(["--update"] if update else []), source, folder], folder)


class SyncedCopy(Copy):
    """`cp -a` followed by `sync -f`: the data is on the disk, as after a commit."""

    name = "cp+sync"
    synced = True


class Archive(Tool):
    """`tar` without compression. It has no edits."""

    name = "tar"
    program = "tar"
    synced = False
    keeps_history = False
    options: tuple[str, ...] = ()
    wants_clone_folder = True

    def commit(self, place: Place, message: str) -> Command | None:
        if message == MESSAGES["edit"]:
            return None
        archive = place.store / "archive"
        return self._lines([self.path, *self.options, "-C", place.work, "-cf", archive, "payload"], place.store)

    def push(self, place: Place) -> Command | None:
        if (place.remote / "archive").exists():
            return None
        return self._lines(["cp", "--reflink=never", place.store / "archive", place.remote], place.remote)

    def clone(self, place: Place) -> Command:
        archive = place.remote / "archive"
        return self._lines([self.path, *self.options, "-C", place.clone, "-xf", archive], place.clone)

    def _lines(self, line: list[str | Path], folder: Path) -> Command:
        return command(line, ["sync", "-f", folder]) if self.synced else command(line)


class SyncedArchive(Archive):
    """`tar` followed by `sync -f`."""

    name = "tar+sync"
    synced = True


class CompressedArchive(Archive):
    """`tar` with zstd at level 1."""

    name = "tar+zstd"
    needs = ("zstd",)
    options = ("-I", "zstd -1")


class Read(Tool):
    """Reading without writing: every byte for a commit, the metadata of every file for a status."""

    name = "read"
    program = "find"
    keeps_history = False

    def commit(self, place: Place, message: str) -> Command:
        return command([self.path, place.payload, "-type", "f", "-exec", "cat", "{}", "+"])

    def status(self, place: Place) -> Command:
        return command([self.path, place.payload, "-printf", "%p %s %T@ %i\\n"])

    def stores(self, place: Place) -> tuple[Path, ...]:
        return ()

    def remote(self, place: Place) -> None:
        return None
