"""How a lock is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console

if TYPE_CHECKING:
    from sovrgit.lockfile import Change, LockedImage

_HASH_SHOWN = 12
_COLOURS = {"same": "green", "added": "green", "moved": "yellow", "gone": "dim"}


@dataclass(frozen=True, slots=True)
class LockView:
    """Shows what tags stand for, and whether that is what was locked.

    `current` says that the lock was up to date, `written` that it is now, `check` that nobody wanted it to be written.
    """

    changes: Sequence[Change]
    current: bool
    written: bool
    check: bool

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        for change in self.changes:
            state = console.style(f"{change.state:<6}", _COLOURS[change.state])
            image = change.new or change.old
            assert image is not None
            console.line(f"{state}  {console.safe(change.tag)}  {_short(image)}  {console.safe(image.url)}")
            if change.state == "moved" and change.old is not None:
                console.warn(
                    f"`{change.tag}` is another image than the one that was locked: "
                    f"{_short(image)} instead of {_short(change.old)}"
                )
        if not self.changes:
            console.note("the recipe names no image by a tag, so there is nothing to lock")
        elif self.written:
            console.note("written to `recipe.lock`")
            console.hint("commit it, so that others get the same image")
        elif self.current:
            console.note("`recipe.lock` is up to date")
        elif self.check:
            console.note("`recipe.lock` is not up to date")
            console.hint("`sovr lock` brings it up to date")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "file": "recipe.lock",
            "up_to_date": self.current,
            "written": self.written,
            "images": [
                {"tag": change.tag, "state": change.state, "old": _document(change.old), "new": _document(change.new)}
                for change in self.changes
            ],
        }


def _short(image: LockedImage) -> str:
    return f"sha3:{image.sha3_224[:_HASH_SHOWN]}"


def _document(image: LockedImage | None) -> dict[str, str] | None:
    return None if image is None else {"sha3_224": image.sha3_224, "url": image.url}
