"""The steps of `sovr demo`: what is said, and what is run, for each of the two pods that it can show."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

POD = "pod"
SHARED = "shared"
COPY = "copy"
"""Folders of the demo: the pod, the remote that it is pushed to, and the clone of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `says` is told first, then `sovr` is run with `arguments` in `folder`, below the demo's own.

    A step without arguments calls `edits`, which changes a file of the pod and returns what it did.
    """

    says: str
    folder: str = POD
    arguments: tuple[str, ...] = ()
    edits: Callable[[Path], str] | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A pod to be shown: its template, what it does, its result, and the change that is made to its payload."""

    template: str
    about: str
    result: str
    edits: Callable[[Path], str]
    after_edit: str


def _change_setting(pod: Path) -> str:
    path = pod / "payload" / "settings.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    before, settings["gamma"] = settings["gamma"], 0.0005
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return f"payload/settings.json: gamma {before} -> {settings['gamma']}"


def _change_name(pod: Path) -> str:
    (pod / "payload" / "name.txt").write_text("Ada\n", encoding="utf-8")
    return "payload/name.txt: World -> Ada"


DIGITS = Subject(
    template="digits",
    about="tells handwritten digits apart with a small model",
    result="output/metrics.json",
    edits=_change_setting,
    after_edit="What changed in the result, key by key.",
)
HELLO = Subject(
    template="hello-world",
    about="greets whoever is named in its payload",
    result="output/greeting.txt",
    edits=_change_name,
    after_edit="What changed in the result.",
)


def choose_subject() -> Subject:
    """The pod that this Python can run."""
    return DIGITS if importlib.util.find_spec("sklearn") else HELLO


def steps(subject: Subject) -> Iterator[Step]:
    """The steps, in order."""
    yield Step(
        f"A pod is a folder: a recipe, scripts, payload and outputs. This one {subject.about}.",
        "",
        ("init", "--template", subject.template, POD),
    )
    yield Step(
        "There is no staging area. A commit records the folder as it is.",
        arguments=("commit", "-m", "First version"),
    )
    yield Step(
        "A run is a commit with evidence: inputs by hash, command, machine, log, outputs.",
        arguments=("run",),
    )
    yield Step(
        "The same inputs give the same result, so nothing is computed twice.",
        arguments=("run",),
    )
    yield Step(
        "A remote is a place that stores bytes; here a folder. The first push makes it.",
        arguments=("remote", "add", "origin", f"../{SHARED}"),
    )
    yield Step("Only what the remote does not have is sent.", arguments=("push",))
    yield Step(
        "Somebody else gets the pod by its reference. Every byte is checked by its hash, and nothing is run.",
        "",
        ("clone", SHARED, COPY),
    )
    yield Step(
        "The stranger repeats the run in a clean place and compares the outputs, file by file. As the scripts are "
        "somebody else's, sovr asks before it runs them; `--yes` is the answer of one who has read them.",
        COPY,
        ("verify", "--yes"),
    )
    yield Step("Back in the first pod, something in the payload is changed.", edits=subject.edits)
    yield Step("sovr says why the known result does not count any more.", arguments=("run",))
    yield Step(
        subject.after_edit,
        arguments=("diff", "--keys", "HEAD~1", "HEAD", subject.result),
    )
    yield Step(
        "And the story of the result: the run that made it, what it read, and where each input came from.",
        arguments=("lineage", subject.result),
    )


def what_next(subject: Subject, folder: str) -> Iterator[tuple[str, str]]:
    """Commands to try afterwards, each with what it does."""
    yield f"cd {folder}/{POD}", ""
    yield "sovr log --graph", "the history"
    yield "sovr runs", "every run, with its verdict"
    yield "sovr show HEAD", "the last commit and its run"
    yield f"sovr restore --from HEAD~1 {subject.result}", "an earlier result"
    yield "sovr push", "and `sovr pull` in the clone"
    yield f"sovr fork ../{SHARED} ../mine", "a pod of your own that names its origin"
