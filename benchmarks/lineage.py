"""Lineage across pods: what an answer costs over many pods, what an update costs, and how the page moves in a browser.

    python benchmarks/lineage.py [--pods 50] [--commits 20] [--nodes 2000] [--json FILE] [--work DIR]

Every pod has a history in which each run used what the one before has put out; the first run of each pod used what the
last run of the pod before it has put out. So the story of the last output leads through all commits of all pods.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from browser import CHROMIUM, Browser

from sovrgit.lineage.document import to_document
from sovrgit.lineage.down import made_from
from sovrgit.lineage.graph import CommitDetails, Direction, Edge, FileDetails, Lineage, Node, NodeKind, Relation
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.page.page import to_html
from sovrgit.lineage.pods.other import Asking, Following
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.lineage.up import lineage_of_path
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.run import External, Run, RunStatus
from sovrgit.objects.tree import EntryKind, Tree, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RefChange
from sovrgit.ui.lineageview import render_lineage

SECOND = 10**9
RECIPE = b'{"name": "bench", "golem": {"exec": "true"}}'
TARGET = 0.5
"""Seconds that the warm answer may take."""

ROUNDS = 7
FRAMES = 180


# --- the pods ---------------------------------------------------------------------------------------------------------


class History:
    """A pod that is written without running anything."""

    def __init__(self, root: Path, number: int) -> None:
        self.pod = Pod.create(root)
        self.root = root
        self._number = number
        self._head: ObjectId | None = None
        self._last: ObjectId | None = None
        self._clock = 1_600_000_000 + number * 1_000_000
        self.name = b"output/y"

    def extend(self, count: int, external: tuple[External, ...] = ()) -> None:
        """Add runs, each of which used what the one before has put out; the first of them used `external` too."""
        with self.pod.store.session() as session:
            recipe = session.add(Kind.BLOB, RECIPE)
            before = self._last or session.add(Kind.BLOB, b"%016d" % self._number)
            for _ in range(count):
                self._clock += 100
                after = session.add(Kind.BLOB, b"%016d" % self._clock)
                payload = session.add(Kind.TREE, Tree.of([TreeEntry(b"x", EntryKind.FILE, before, 16)]).encode())
                output = session.add(Kind.TREE, Tree.of([TreeEntry(b"y", EntryKind.FILE, after, 16)]).encode())
                inputs = [
                    TreeEntry(b"payload", EntryKind.DIRECTORY, payload, 16),
                    TreeEntry(b"recipe.json", EntryKind.FILE, recipe, len(RECIPE)),
                ]
                outputs = [TreeEntry(b"output", EntryKind.DIRECTORY, output, 16)]
                run = Run(
                    status=RunStatus.SUCCEEDED,
                    pod=f"pod{self._number}",
                    recipe=recipe,
                    input=session.add(Kind.TREE, Tree.of(inputs).encode()),
                    output=session.add(Kind.TREE, Tree.of(outputs).encode()),
                    key=blob_id(b"key %d" % self._clock),
                    command=("true",),
                    executor={"name": "local"},
                    platform={"system": "Linux"},
                    base=self._head,
                    started=self._clock * SECOND,
                    finished=self._clock * SECOND + SECOND,
                    external=external,
                    by="Ann",
                )
                external = ()
                record = session.add(Kind.RUN, run.encode())
                whole = session.add(Kind.TREE, Tree.of(inputs + outputs).encode())
                parents = () if self._head is None else (self._head,)
                stamp = Stamp("Ann", "ann@example.org", self._clock)
                commit = Commit(whole, parents, stamp, "Run", run=record)
                self._head = session.add(Kind.COMMIT, commit.encode())
                before = after
            session.commit()
        self._last = before
        old = self.pod.refs.read().values.get("refs/heads/main")
        self.pod.refs.update([RefChange("refs/heads/main", old, self._head)], command="benchmark", time_ns=0)

    def result(self) -> External:
        """The last output, as payload of another pod."""
        assert self._head is not None and self._last is not None
        return External(str(self.root), self._head, "output/y", self._last)


def make_pods(work: Path, pods: int, commits: int) -> list[History]:
    """The pods, each of which uses what the one before it has made."""
    made: list[History] = []
    for number in range(pods):
        history = History(work / f"pod{number}", number)
        history.extend(commits, (made[-1].result(),) if made else ())
        made.append(history)
    return made


# --- questions --------------------------------------------------------------------------------------------------------


def ask(history: History, asking: Asking, now: int = 1) -> Lineage:
    """Where the last output of a pod comes from, everything opened anew."""
    with Pod(history.root) as pod, LineageIndex(pod) as index, OtherPods(pod, Following(now, asking)) as others:
        head = pod.head()
        assert head is not None
        return lineage_of_path(pod, index, head, history.name, others=others)


def ask_down(history: History) -> Lineage:
    """Who used the first payload of a pod."""
    with Pod(history.root) as pod, LineageIndex(pod) as index, OtherPods(pod, Following(1, Asking.NEVER)) as others:
        head = pod.head()
        assert head is not None
        return made_from(pod, index, head, history.name, others=others)


def timed(action: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """The median of the times that an action takes, in seconds."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure_answers(work: Path, pods: int, commits: int) -> Iterator[tuple[str, float, str]]:
    """Name, value and remark of each figure."""
    made = make_pods(work, pods, commits)
    top = made[-1]
    total = pods * commits
    begun = time.perf_counter()
    found = ask(top, Asking.MISSING)
    cold = time.perf_counter() - begun
    runs = sum(1 for _ in found.of_kind(NodeKind.RUN))
    assert runs == total and len(found.pods) == pods - 1, (runs, len(found.pods))
    yield "first answer, fetching from all pods", cold, f"{pods - 1} pods, {len(found.nodes)} nodes, {runs} runs"
    warm = timed(lambda: ask(top, Asking.MISSING))
    yield "warm answer", warm, f"{warm / TARGET:.2f} of the {TARGET} s that it may take"
    yield "the same as text", timed(lambda: list(render_lineage(found, colour=False, width=0)), 3), ""
    yield "the same as JSON", timed(lambda: json.dumps(to_document(found)), 3), ""
    yield "the same as a page", timed(lambda: to_html(found, "y"), 3), f"{len(to_html(found, 'y')) >> 10} KiB"
    with Pod(made[0].root) as pod, OtherPods(pod, Following(1)) as others:
        for other in made[1:]:
            others.add(str(other.root), work)
    yield "warm answer, who used it", timed(lambda: ask_down(made[0])), ""
    yield from _measure_updates(made, cold, commits)


def _measure_updates(made: list[History], cold: float, commits: int) -> Iterator[tuple[str, float, str]]:
    top = made[-1]
    nothing = timed(lambda: ask(top, Asking.ALWAYS, 2), 3)
    yield "asking all pods again, nothing new", nothing, f"{nothing / cold:.2f} of the first answer"
    single: float | None = None
    for count in (1, 10, 100):
        made[0].extend(count)
        with Pod(top.root) as pod, OtherPods(pod, Following(3)) as others:
            begun = time.perf_counter()
            others.add(str(made[0].root), top.root)
            took = time.perf_counter() - begun
        single = single or took
        total = len(made) * commits
        yield f"update by {count} new commits", took, f"{took / count * 1e3:.2f} ms a commit; {total} were known"


# --- the page ---------------------------------------------------------------------------------------------------------


def sample(count: int) -> Lineage:
    """A graph of runs with six inputs each, in many columns."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []

    def file(name: str) -> str:
        identity = f"file:{name}"
        details = FileDetails(name.encode(), blob_id(name.encode()), 312, True)
        nodes.setdefault(identity, Node(identity, NodeKind.FILE, name, details, f"pod{len(nodes) // 200}"))
        return identity

    stamp = Stamp("Ann", "ann@example.org", 1_600_000_000)
    waiting = [file("output/result.csv")]
    number = 0
    while len(nodes) < count:
        made = waiting.pop(0)
        commit = Commit(ObjectId(bytes(32)), (), stamp, f"Step {number}")
        identity = f"commit:{number}"
        nodes[identity] = Node(identity, NodeKind.COMMIT, commit.id().short, CommitDetails(commit.id(), commit))
        edges.append(Edge(made, identity, Relation.ADDED_IN))
        for item in range(6):
            used = file(f"payload/{number}/part-{item}.csv")
            edges.append(Edge(identity, used, Relation.CHANGES))
            edges.append(Edge(used, "file:output/result.csv", Relation.SAME_CONTENT))
            if item < 2:
                waiting.append(used)
        number += 1
    return Lineage("file:output/result.csv", Direction.UP, nodes, tuple(edges))


PAN = """new Promise((done) => {
  const stage = document.getElementById("stage");
  stage.setPointerCapture = () => {};
  const send = (type, x, y) => stage.dispatchEvent(
    new PointerEvent(type, { pointerId: 1, button: 0, clientX: x, clientY: y, bubbles: true }));
  const times = [];
  let count = 0, last = 0;
  const step = (now) => {
    if (last) times.push(now - last);
    last = now;
    if (++count > FRAMES) { send("pointerup", 0, 0); done(times); return; }
    send("pointermove", 600 + 500 * Math.sin(count / 20), 400 + 300 * Math.sin(count / 10));
    requestAnimationFrame(step);
  };
  send("pointerdown", 600, 400);
  requestAnimationFrame(step);
})"""
READY = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def measure_page(work: Path, count: int) -> Iterator[tuple[str, float, str]]:
    """How long a page takes to open, and its frames take while it is moved."""
    lineage = sample(count)
    page = work / "page.html"
    page.write_text(to_html(lineage, "a result"), encoding="utf-8")
    edges = f"{len(lineage.nodes)} nodes, {len(lineage.edges)} edges, {page.stat().st_size >> 10} KiB"
    with Browser() as browser:
        begun = time.perf_counter()
        browser.open(page)
        browser.evaluate(READY)
        yield "page opens", time.perf_counter() - begun, edges
        for name, before in (("near", "1"), ("all of it", "document.getElementById('fit').click()")):
            browser.evaluate(before)
            browser.evaluate(READY)
            times = sorted(browser.evaluate(PAN.replace("FRAMES", str(FRAMES))))
            slow = sum(one > 34 for one in times)
            remark = f"95 of 100 within {times[int(len(times) * 0.95)]:.1f} ms, longest {times[-1]:.1f} ms, {slow} late"
            yield f"frame while it is moved, {name} in view", statistics.median(times) / 1e3, remark


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pods", type=int, default=50)
    parser.add_argument("--commits", type=int, default=20, help="commits of each pod")
    parser.add_argument("--nodes", type=int, default=2000, help="nodes of the page")
    parser.add_argument("--work", type=Path, help="where the pods are made; a temporary folder by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    given = parser.parse_args()
    # As the command line has it: most of what an answer makes stays, so to look through it again and again is in vain.
    gc.set_threshold(100_000, 50, 100)
    work = Path(tempfile.mkdtemp(dir=given.work))
    try:
        figures = list(measure_answers(work, given.pods, given.commits))
        if CHROMIUM is None:
            print("no Chromium: the page is not measured", file=sys.stderr)
        else:
            figures += measure_page(work, given.nodes)
    finally:
        shutil.rmtree(work)
    for name, seconds, remark in figures:
        print(f"{name:45} {seconds * 1e3:9.1f} ms  {remark}")
    if given.json:
        given.json.write_text(json.dumps([{"name": n, "seconds": s, "remark": r} for n, s, r in figures], indent=2))


if __name__ == "__main__":
    main()
