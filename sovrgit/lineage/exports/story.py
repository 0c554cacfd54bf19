"""Everything that is known of one run, gathered for exports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.treediff import walk

MAX_RECIPE = 1 << 20
"""Bytes of a recipe whose texts are taken over."""


@dataclass(frozen=True, slots=True)
class StoryFile:
    """A file or link of a run. `role` is `inputs`, `outputs` or `logs`; `size` in bytes; `sha256` is
    hexadecimal, and None if the content is not here."""

    role: str
    path: bytes
    kind: EntryKind
    content: ObjectId
    size: int
    sha256: str | None

    @property
    def name(self) -> str:
        """The path as text, with U+FFFD for bytes that are not UTF-8."""
        return self.path.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Story:
    """A run with all that hangs together with it. `recipe` is empty if the recipe is not here or is no JSON object.
    `missing` are folders that are not here, so that their files are not named."""

    id: ObjectId
    run: Run
    made: ObjectId | None
    commit: Commit | None
    verdicts: tuple[tuple[ObjectId, Verdict], ...]
    files: tuple[StoryFile, ...]
    recipe: Mapping[str, Any]
    missing: tuple[str, ...]

    def of_role(self, role: str) -> list[StoryFile]:
        """The files with a role, by path."""
        return [file for file in self.files if file.role == role]


def gather(pod: Pod, index: LineageIndex, identity: ObjectId) -> Story:
    """The story of a run. Every file is read once, for its SHA-256.

    Raises:
        ObjectMissing: if the record is not here.
        IntegrityFailure: if a file is damaged.
    """
    run = pod.store.run(identity)
    files: list[StoryFile] = []
    missing: list[str] = []
    for role, tree in (("inputs", run.input), ("outputs", run.output), ("logs", run.log)):
        if tree is None:
            continue
        try:
            found = list(walk(pod.store, TreeEntry(b"", EntryKind.DIRECTORY, tree, 0), b""))
        except ObjectMissing:
            missing.append(role)
            continue
        files += [
            StoryFile(role, path, entry.kind, entry.id, entry.size, _sha256(pod, entry.id))
            for path, entry in found
            if not entry.is_directory
        ]
    made = next(iter(index.commits_of(identity)), None)
    verdicts = tuple((verdict, pod.store.verdict(verdict)) for verdict in index.verdicts_on(identity))
    commit = pod.store.commit(made) if made is not None else None
    return Story(identity, run, made, commit, verdicts, tuple(files), _recipe(pod, run.recipe), tuple(missing))


def recipe_file(story: Story) -> StoryFile | None:
    """The recipe among the files, None if it is not among them or not here."""
    found = (file for file in story.of_role("inputs") if file.path == RECIPE_FILE.encode())
    return next((file for file in found if file.sha256 is not None and file.kind is not EntryKind.SYMLINK), None)


def _sha256(pod: Pod, content: ObjectId) -> str | None:
    digest = hashlib.sha256()
    try:
        for piece in pod.store.stream(content):
            digest.update(piece)
    except ObjectMissing:
        return None
    return digest.hexdigest()


def _recipe(pod: Pod, content: ObjectId) -> Mapping[str, Any]:
    try:
        if pod.store.size(content) > MAX_RECIPE:
            return {}
        loaded = json.loads(bytes(pod.store.read(content, Kind.BLOB)))
    except (ObjectMissing, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
