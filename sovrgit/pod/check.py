"""Checking a pod: every object against its hash, and everything that a ref leads to."""

from __future__ import annotations

from dataclasses import dataclass

from sovrgit.errors import SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.store.verify import verify_pack


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: problems in words, and how much was looked at."""

    problems: tuple[str, ...]
    packs: int
    objects: int
    size: int

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it should be."""
        return not self.problems


def check_pod(pod: Pod, progress: Progress = SILENT) -> Checked:
    """Read and hash everything in the store, and follow everything that refs name. Changes nothing."""
    problems: list[str] = []
    packs = pod.store.packs()
    progress.begin("checking packs", sum(pack.size for pack in packs), "bytes")
    for pack in packs:
        try:
            verify_pack(pod.store.pack_path(pack.id), pack.id, pack.size)
        except SovrError as error:
            problems.append(error.message)
        progress.advance(pack.size)
    progress.end()
    followed = _Follower(pod)
    for name, value in pod.refs.read().values.items():
        problems += [f"{name}: {problem}" for problem in followed.follow(value)]
    return Checked(tuple(problems), len(packs), len(followed.seen), sum(pack.size for pack in packs))


class _Follower:
    """Follows every link once."""

    def __init__(self, pod: Pod) -> None:
        self._store = pod.store
        self.seen: set[ObjectId] = set()

    def follow(self, start: ObjectId) -> list[str]:
        problems = []
        stack = [start]
        while stack:
            current = stack.pop()
            if current in self.seen:
                continue
            self.seen.add(current)
            try:
                stack += self._links(current)
            except SovrError as error:
                problems.append(error.message)
        return problems

    def _links(self, item: ObjectId) -> list[ObjectId]:
        store = self._store
        kind = store.kind(item)
        if kind is Kind.COMMIT:
            commit = store.commit(item)
            return [*commit.parents, commit.tree, *([commit.run] if commit.run else [])]
        if kind is Kind.RUN:
            run = store.run(item)
            named = (run.input, run.output, run.log, run.repeats, run.recipe)
            return [found for found in named if found is not None]
        if kind is Kind.VERDICT:
            verdict = store.verdict(item)
            return [verdict.run, verdict.repeat]
        if kind is Kind.TAG:
            return [store.tag(item).target]
        if kind is Kind.TREE:
            return [entry.id for entry in store.tree(item).entries]
        if store.chunks(item):
            for _ in store.stream(item):
                pass
        return []
