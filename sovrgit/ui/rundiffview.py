"""What differs between two runs, as a view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sovrgit.lineage.rundiff import PARTS, RunDifference, ValueChange
from sovrgit.pod.treediff import Change
from sovrgit.ui.console import Console
from sovrgit.ui.diffview import render_json_changes
from sovrgit.ui.format import plural
from sovrgit.ui.statusview import change_document, change_lines

_NOT_HERE = "not all of it is here, so it cannot be compared; `sovr fetch` may bring it"


@dataclass(frozen=True, slots=True)
class RunDifferenceView:
    """Shows what differs between two runs."""

    found: RunDifference

    def text(self, console: Console) -> None:
        """Print it for people: only what differs."""
        found = self.found
        console.line(f"run {console.style(found.old.short, 'yellow')} -> {console.style(found.new.short, 'yellow')}")
        if not found.any:
            console.line("nothing differs, neither in what went in nor in what came out")
            return
        self._recipe(console)
        self._files(console, "inputs", found.inputs)
        for part in PARTS:
            if found.values[part]:
                console.line(f"{part}:")
                console.lines([_value_line(console, change) for change in found.values[part]])
        self._files(console, "outputs", found.outputs)
        same = [name for name, differs in self._parts() if not differs]
        if same:
            console.line(console.style(f"the same: {', '.join(same)}", "dim"))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        found = self.found
        return {
            "old": str(found.old),
            "new": str(found.new),
            "same": not found.any,
            "same_key": found.same_key,
            "recipe": {
                "old": str(found.recipes[0]),
                "new": str(found.recipes[1]),
                "keys": None
                if found.recipe is None
                else [
                    {"key": entry.path, "change": str(entry.kind.value), "old": entry.old, "new": entry.new}
                    for entry in found.recipe
                ],
            },
            "inputs": _documents(found.inputs),
            "outputs": _documents(found.outputs),
            "values": {part: [change._asdict() for change in found.values[part]] for part in PARTS},
        }

    def _parts(self) -> Iterator[tuple[str, bool]]:
        found = self.found
        yield "recipe", found.recipes[0] != found.recipes[1]
        yield "inputs", found.inputs is None or bool(found.inputs)
        for part in PARTS:
            yield part, bool(found.values[part])
        yield "outputs", found.outputs is None or bool(found.outputs)

    def _recipe(self, console: Console) -> None:
        found = self.found
        if found.recipes[0] == found.recipes[1]:
            return
        console.line("recipe:")
        if found.recipe is None:
            console.line("  differs, and cannot be compared by key")
        elif not found.recipe:
            console.line("  is written in another way, with the same keys and values")
        else:
            console.lines(list(render_json_changes(found.recipe, colour=console.colour, terminal=console.terminal)))

    @staticmethod
    def _files(console: Console, name: str, changes: tuple[Change, ...] | None) -> None:
        if changes is None:
            console.line(f"{name}: {_NOT_HERE}")
        elif changes:
            console.line(f"{name}: {plural(len(changes), 'path')}")
            change_lines(console, changes)


def _value_line(console: Console, change: ValueChange) -> str:
    name = console.safe(change.name)
    old = console.style(console.safe(change.old or ""), "red")
    new = console.style(console.safe(change.new or ""), "green")
    if change.old is None:
        return f"  {console.style('+', 'green')} {name}: {new}"
    if change.new is None:
        return f"  {console.style('-', 'red')} {name}: {old}"
    return f"  {console.style('~', 'yellow')} {name}: {old} -> {new}"


def _documents(changes: tuple[Change, ...] | None) -> list[dict[str, Any]] | None:
    return None if changes is None else [change_document(change) for change in changes]
