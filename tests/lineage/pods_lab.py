"""Pods that use payload of each other. Records are stored as a run with external payload would store them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lineage_lab import Lab

from sovrgit.lineage.graph import Lineage, Node, NodeKind
from sovrgit.lineage.pods.other import Asking, Following
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.lineage.up import lineage_of_path
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import External
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find

MINUTE = 60 * 10**9


def new_lab(folder: Path, text: str = "pear\napple\n") -> Lab:
    """A pod that has sorted a file in a run."""
    lab = Lab(Pod.create(folder))
    lab.recipe("sort -o output/sorted.txt payload/words.txt")
    lab.write("payload/words.txt", text)
    lab.commit("First version")
    lab.run()
    return lab


def taken(source: Lab, path: str = "output/sorted.txt", reference: str | None = None) -> External:
    """The external payload that a file of another pod is, as it is there now."""
    head = source.head()
    entry = find(source.pod.store, source.pod.store.commit(head).tree, path.encode())
    assert entry is not None
    return External(reference or str(source.root), head, path, entry.id)


def run_with(lab: Lab, *external: External, command: str = "cp payload/words.txt output/copy.txt") -> ObjectId:
    """A run, as if it had used external payload; the commit that it made."""
    lab.recipe(command)
    lab.commit("Another recipe", allow_empty=True)
    before = lab.head()
    result = lab.run(force=True)
    made = lab.pod.store.commit(lab.head())
    record = lab.pod.sign(replace(lab.pod.store.run(result.id), external=tuple(external)))
    with lab.pod.store.session() as session:
        run = session.add(Kind.RUN, record.encode())
        session.commit()
    lab.move(None, f"refs/runs/{result.id}")
    lab.move(before)
    lab.move(run, f"refs/runs/{run}")
    return lab.add_commit(lab.pod.sign(replace(made, run=run, parents=(before,))))


def others_of(
    lab: Lab, asking: Asking = Asking.MISSING, *, depth: int | None = None, later: int = 0, limit: int = 100
) -> OtherPods:
    """What a pod knows of others; `later` minutes after now."""
    return OtherPods(lab.pod, Following(lab.clock * 10**9 + later * MINUTE, asking, depth, limit))


def story(
    lab: Lab, path: str, asking: Asking = Asking.MISSING, *, depth: int | None = None, later: int = 0, limit: int = 100
) -> Lineage:
    """Where a file comes from, across pods."""
    with lab.index() as index, others_of(lab, asking, depth=depth, later=later, limit=limit) as others:
        return lineage_of_path(lab.pod, index, lab.head(), path.encode(), others=others)


def pod_nodes(lineage: Lineage) -> list[Node]:
    """The nodes that say what is the matter with another pod."""
    return list(lineage.of_kind(NodeKind.POD))
