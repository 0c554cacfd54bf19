"""Another pod on this machine as a remote: to clone and fetch from, not to push to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from sovrgit.errors import Unsupported
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import DEFAULT_BRANCH, HEADS, RUNS, TAGS, VERDICTS, Refs
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.manifest import REPOSITORY_ID_SIZE, Manifest, PackEntry


class PodRemote(DirectoryRemote):
    """The packs of a working pod, with a manifest made from its refs."""

    kind: ClassVar[str] = "pod"
    keeps_chain: ClassVar[bool] = False

    def __init__(self, root: Path) -> None:
        super().__init__(root / ".sovr")
        self._pod = Pod(root)
        self.location = os.path.abspath(root)

    def close(self) -> None:
        self._pod.close()

    def read_manifest(self) -> bytes | None:
        refs = self._pod.refs.read()
        shown = {name: value for name, value in refs.values.items() if name.startswith((HEADS, TAGS, RUNS, VERDICTS))}
        if not shown:
            return None
        # After the refs were read: what they name is in the packs that are listed now.
        self._pod.store.refresh()
        moves = len(self._pod.refs.journal())
        manifest = Manifest(
            # A pod has no random id of its own; its place serves to tell it from others.
            repository=blob_id(os.fsencode(self.location))[:REPOSITORY_ID_SIZE],
            generation=max(moves, 1),
            chain=(),
            writer="pod",
            time=0,
            head=_head(refs),
            refs=shown,
            packs=tuple(PackEntry(pack.id, pack.size, pack.kind, pack.objects) for pack in self._pod.store.packs()),
        )
        return manifest.encode()

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        raise self._read_only()

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        raise self._read_only()

    def _read_only(self) -> Unsupported:
        return Unsupported(
            what=f"pushing into the pod at `{self.location}`",
            reason="somebody works in it",
            hint=f"push to a folder of its own, and fetch from there; or run `sovr fetch` in `{self.location}`",
        )


def _head(refs: Refs) -> str:
    """The branch that a clone checks out: the one here; if a commit itself is checked out, one that has it, or any."""
    heads = {name: value for name, value in refs.values.items() if name.startswith(HEADS)}
    if refs.head in heads or not heads:
        return refs.head
    alike = [name for name in sorted(heads) if heads[name] == refs.current()]
    return alike[0] if alike else DEFAULT_BRANCH if DEFAULT_BRANCH in heads else min(heads)
