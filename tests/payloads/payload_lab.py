"""A pod that has something, and one that takes it."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from run_lab import Lab

from sovrgit.actions import supply_repeat, supply_run
from sovrgit.lockfile import Lock, LockedPayload, read_lock, write_lock
from sovrgit.objects.ids import ObjectId
from sovrgit.payloads import changing
from sovrgit.payloads.changing import Updated
from sovrgit.payloads.source import Access
from sovrgit.payloads.state import PayloadState, states
from sovrgit.pod.external import read_placed
from sovrgit.pod.pod import Pod
from sovrgit.remotes.networks import Networks
from sovrgit.runs.repeat import Repeated, Verified
from sovrgit.runs.run import RunResult
from sovrgit.runs.trust import Proposal

LIST = 'cd payload/external && find . -type f | sort | sed \'s/^..//\' | while read f; do echo "$f $(cat "$f")"; done'
"""Prints every file of external payload, which all have one line."""


@dataclass
class Taker:
    """A pod that takes payload from others, and puts out what it was given."""

    lab: Lab
    networks: Networks | None = None
    told: list[LockedPayload] = field(default_factory=list)
    moved: list[PayloadState] = field(default_factory=list)

    @classmethod
    def make(cls, root: Path, networks: Networks | None = None) -> Taker:
        lab = Lab(Pod.create(root))
        lab.script(f"({LIST}) > output/list")
        taker = cls(lab, networks)
        taker.wants()
        lab.commit("First version")
        return taker

    @property
    def pod(self) -> Pod:
        return self.lab.pod

    @property
    def access(self) -> Access:
        return Access(self.pod, self.networks, self.lab.clock * 10**9, pause=lambda _: None)

    def wants(self, *pairs: tuple[str, str], **golem: Any) -> None:
        """Write a recipe that names these references and paths."""
        payload = [{"ref": ref, "data": data} for ref, data in pairs]
        self.lab.recipe("sh script/run.sh", **({"payload": payload} if payload else {}), **golem)

    def run(self, **changes: Any) -> RunResult:
        """Run as the command does: payload is looked up, fetched, placed."""
        request = self.lab.request()
        request = supply_run(
            self.pod,
            request,
            time_ns=self.lab.clock * 10**9,
            networks=self.networks,
            told=self.told.extend,
            moved=self.moved.extend,
        )
        return self.lab.run(supplied=request.supplied, fetch=request.fetch, **changes)

    def again(self, run: ObjectId) -> Repeated:
        return self.lab.rerun(run, supplied=self._repeat(run))

    def verify(self, run: ObjectId) -> Verified:
        return self.lab.verify(run, supplied=self._repeat(run))

    def _repeat(self, run: ObjectId) -> Any:
        time_ns = self.lab.clock * 10**9
        return supply_repeat(self.pod, run, self.lab.request(), time_ns=time_ns, networks=self.networks).supplied

    @property
    def given(self) -> dict[str, str]:
        """What the last run was given: files with their one line."""
        pairs = (line.partition(" ") for line in self.lab.read("output/list").splitlines())
        return {name: content for name, _, content in pairs}

    @property
    def asked(self) -> list[Proposal]:
        return self.lab.asked

    @property
    def lock(self) -> Lock:
        found = read_lock(self.pod.root)
        assert found is not None
        return found

    def relock(self, *payload: LockedPayload) -> None:
        write_lock(self.pod.root, Lock(payload=payload))

    def states(self) -> list[PayloadState]:
        return states(self.access)

    @property
    def standings(self) -> list[str]:
        return [state.standing for state in self.states()]

    def update(self, *references: str) -> Updated:
        return changing.update(self.access, references)

    def add(self, reference: str, path: str) -> Updated:
        return changing.add(self.access, reference, path)

    def forget(self) -> None:
        """Lose everything that was fetched, as if it had been collected, and all that is known of it."""
        shutil.rmtree(self.pod.root / "payload" / "external", ignore_errors=True)
        (self.pod.folder / "supplies").unlink(missing_ok=True)
        needed = self.pod.refs.read().values.values()
        assert needed
        from sovrgit.pod.gc import GcRequest, collect

        self.lab.pod.close()
        self.lab.pod = Pod(self.lab.root)
        collect(self.pod, GcRequest(now_ns=10**19, grace_ns=0, kept_moves_ns=0))

    @property
    def leftovers(self) -> list[str]:
        return [path.name for path in self.pod.temporary.iterdir()]

    @property
    def placed(self) -> Mapping[str, Any]:
        return read_placed(self.pod.folder)


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def recipe_of(lab: Lab) -> Any:
    return json.loads(lab.read("recipe.json"))
