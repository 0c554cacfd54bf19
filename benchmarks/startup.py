"""How long it takes until a tool has said something, in a repository of ten files."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import measure
from scenario import environment
from tools import MESSAGES, Command, Place, Tool

ROUNDS = 20
"""Times that each command is run."""

FILES = 10
"""Files in the tiny repository."""

BASELINE = "python -c pass"


class Startup(NamedTuple):
    """The times of one command, in seconds, in the order in which they were taken."""

    title: str
    tool: str
    seconds: list[float]


def run_startup(tools: list[Tool], work: Path, rounds: int = ROUNDS) -> tuple[list[Startup], dict[str, str]]:
    """Run every command of every tool in turn, `rounds` times, after one that does not count.

    Returns the times, the bare interpreter first, and by tool's name why it could not be measured.
    """
    failures: dict[str, str] = {}
    jobs: list[tuple[Startup, Command, dict[str, str]]] = []
    folder = work / "startup"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    measured = [tool for tool in tools if tool.startup]
    python = next((name for tool in measured if tool.name == "sovr" and (name := _interpreter(tool))), "")
    jobs.append(
        _job(
            BASELINE,
            "",
            Command(((python or sys.executable, "-c", "pass"),), folder),
            {"PATH": os.defpath, "HOME": str(folder)},
        )
    )
    for tool in measured:
        place = Place(folder / tool.name)
        variables = environment(tool, place)
        failure = _make_repository(tool, place, variables)
        if failure:
            failures[tool.name] = failure
            continue
        for title, arguments in tool.startup.items():
            program = getattr(tool, "git", tool.path)
            jobs.append(_job(title, tool.name, Command(((program, *arguments),), place.work), variables))
    for number in range(rounds + 1):
        for startup, wanted, variables in jobs:
            if startup.tool in failures:
                continue
            taken = measure.run(
                wanted.argv, folder=wanted.folder or folder, environment=variables, timeout=60, memory=False
            )
            if taken.failure:
                failures[startup.tool] = f"{startup.title}: {taken.failure}"
            elif number:
                startup.seconds.append(taken.seconds)
    shutil.rmtree(folder)
    return [startup for startup, _, _ in jobs if startup.seconds], failures


def _job(title: str, tool: str, wanted: Command, variables: dict[str, str]) -> tuple[Startup, Command, dict[str, str]]:
    return Startup(title, tool, []), wanted, variables


def _make_repository(tool: Tool, place: Place, variables: dict[str, str]) -> str:
    """Make a repository of ten files with one commit; why that failed, or an empty text."""
    for folder in (place.payload, place.store, place.remote, place.home):
        folder.mkdir(parents=True)
    for number in range(FILES):
        (place.payload / f"{number}.txt").write_text(f"file {number}\n" * 20)
    for wanted in (tool.init(place), tool.setup(place), tool.commit(place, MESSAGES["commit"])):
        if wanted is None:
            continue
        taken = measure.run(
            wanted.argv, folder=wanted.folder or place.work, environment=variables, timeout=60, memory=False
        )
        if taken.failure:
            return taken.failure
    return ""


def _interpreter(tool: Tool) -> str:
    """The Python that a tool's script names in its first line, so that like is compared with like."""
    with Path(tool.path).open("rb") as script:
        first = script.readline(256)
    name = first[2:].decode("utf-8", "replace").strip() if first.startswith(b"#!") else ""
    return name if Path(name).name.startswith("python") else ""
