"""`sovr demo`: the whole loop on a real pod, step by step."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from sovrgit import env
from sovrgit.commands.app import App
from sovrgit.commands.demosteps import HELLO, Step, Subject, choose_subject, steps, what_next
from sovrgit.commands.making import sovr_command
from sovrgit.errors import PodExists
from sovrgit.store.files import reporting
from sovrgit.ui.console import Console

_WIDTH = 92
"""Columns of what is told: longer lines are hard to read."""

_PLAIN = re.compile(r"[\w@%+=:,./~^-]+")
"""Words that a shell takes as they are: unlike `shlex`, a `~` that does not begin a word is left alone."""


@sovr_command("demo")
@click.argument("folder", default="sovr-demo", type=click.Path(path_type=Path))
def command(app: App, folder: Path) -> int:
    """Show the whole loop on a real pod, in FOLDER, or in a new folder `sovr-demo`.

    A pod is made, committed, run, pushed to a folder, cloned from it, verified there, changed, run again, and its
    result traced back. Every command is printed and really run; the folder is left to be played in.
    """
    root = app.folder / folder
    with reporting(root):
        if os.path.lexists(root):
            hint = "choose another one: `sovr demo FOLDER`"
            raise PodExists(path=folder, reason="exists already", hint=hint)
        root.mkdir(parents=True)
    subject = choose_subject()
    show = _Show(app, root, folder)
    show.begin(subject)
    exit_code = 0
    for number, step in enumerate(steps(subject), start=1):
        exit_code = show.step(number, step)
        if exit_code:
            break
    app.show(_DemoView(root, folder, subject, show.done, exit_code))
    return exit_code


@dataclass(slots=True)
class _Done:
    """A step that was taken: what it said, the command or edit, where, how it ended, and what it printed."""

    says: str
    command: str
    edit: str
    folder: str
    exit_code: int
    output: str = ""


class _Show:
    """Takes the steps, one after the other, before the user's eyes."""

    def __init__(self, app: App, root: Path, named: Path) -> None:
        self._console = app.console
        self._root = root
        self._named = named
        self._here: Path | None = None
        self._environ = _child_environment(app)
        self.done: list[_Done] = []

    def begin(self, subject: Subject) -> None:
        """Say what is going to be seen."""
        if subject is HELLO:
            self._tell("scikit-learn is not here, so a small pod is shown. `pip install 'sovrgit[digits]'` brings")
            self._tell("one that learns to read handwritten digits.\n")

    def step(self, number: int, step: Step) -> int:
        """Take one step; its exit code."""
        for line in textwrap.wrap(f"{number}. {step.says}", min(self._console.width, _WIDTH)):
            self._tell(self._console.style(line, "bold"))
        place = self._root / step.folder
        self._enter(place)
        if step.edits is not None:
            edit = step.edits(place)
            self._tell(f"  {edit}")
            taken = _Done(step.says, "", edit, str(place), 0)
        else:
            typed = _typed("sovr", *step.arguments)
            self._prompt(typed)
            exit_code, output = self._run(place, step.arguments)
            taken = _Done(step.says, typed, "", str(place), exit_code, output)
        self._tell()
        self.done.append(taken)
        return taken.exit_code

    def _enter(self, place: Path) -> None:
        """Show the change of folder that a person would have typed."""
        if place != self._here:
            target = self._named if self._here is None else os.path.relpath(place, self._here)
            self._prompt(_typed("cd", os.fspath(target)))
            self._here = place

    def _prompt(self, text: str) -> None:
        self._tell(f"{self._console.style('$', 'green')} {text}")

    def _tell(self, text: str = "") -> None:
        if not self._console.as_json and self._console.verbosity >= 0:
            self._console.line(text)
            # What the next command prints goes past this process's buffer.
            self._console.out.flush()

    def _run(self, folder: Path, arguments: tuple[str, ...]) -> tuple[int, str]:
        """Run `sovr` as a process of its own; its exit code, and what it printed if that was not shown."""
        captured = self._console.as_json or self._console.verbosity < 0
        # Ctrl-C reaches the command too, which ends in its own way; the demo waits for that.
        earlier = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "sovrgit", *arguments],
                cwd=folder,
                env=self._environ,
                stdout=subprocess.PIPE if captured else None,
                # What a command remarks is part of what is shown, wherever that goes.
                stderr=subprocess.STDOUT,
                check=False,
            )
        finally:
            signal.signal(signal.SIGINT, earlier)
        output = (ended.stdout or b"").decode("utf-8", "replace")
        # A process that a signal ended, as a shell reports it.
        return ended.returncode if ended.returncode >= 0 else 128 - ended.returncode, output


@dataclass(frozen=True, slots=True)
class _DemoView:
    """Shows how the demo ended, and what can be done now."""

    root: Path
    named: Path
    subject: Subject
    done: list[_Done] = field(default_factory=list)
    exit_code: int = 0

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.exit_code:
            last = self.done[-1]
            if last.output:
                console.err.write(last.output)
            console.note(f"the demo ends here: `{last.command}` ended with {self.exit_code}")
            return
        if console.verbosity < 0:
            console.line(str(self.root))
            return
        console.line(console.style("That was the whole loop. What to try next:", "bold"))
        console.line()
        for text, purpose in what_next(self.subject, str(self.named)):
            console.line(f"  {text:<48} {console.style(purpose, 'dim')}".rstrip())
        console.line()
        console.line("`sovr --help` lists all commands.")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "folder": str(self.root),
            "template": self.subject.template,
            "exit_code": self.exit_code,
            "steps": [
                {
                    "says": step.says,
                    "command": step.command or None,
                    "edit": step.edit or None,
                    "folder": step.folder,
                    "exit_code": step.exit_code,
                    "output": step.output,
                }
                for step in self.done
            ],
        }


def _typed(*words: str) -> str:
    """A command as a person would type it."""
    return " ".join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


def _child_environment(app: App) -> dict[str, str]:
    """The environment of the commands that are shown: this one's, with colours decided and no pager."""
    environ = {**app.environ, env.PAGER.name: "", "PYTHONUNBUFFERED": "1"}
    captured = app.options.as_json or app.options.verbosity < 0
    environ.pop(env.FORCE_COLOR.name, None)
    environ.pop(env.NO_COLOR.name, None)
    environ[env.FORCE_COLOR.name if app.console.colour and not captured else env.NO_COLOR.name] = "1"
    return environ
