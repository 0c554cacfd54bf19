"""Rows on a terminal that are drawn anew, below what is printed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sovrgit.ui.console import Console
from sovrgit.ui.escape import visible, visible_text

if TYPE_CHECKING:
    from rich.console import Group

_PER_SECOND = 4
"""How often it is drawn: often enough to look alive, seldom enough for a slow line."""


class Board:
    """A head line and rows, on the screen until it is closed.

    Args:
        content: asked for the head, and for the style and the text of each row; by another thread, and while something
            is printed.
        most: rows that are shown at most. They take no more than half of the terminal.
    """

    def __init__(self, console: Console, content: Callable[[], tuple[str, list[tuple[str, str]]]], most: int) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._content = content
        self._most = most
        self._screen = RichConsole(
            file=console.err,
            force_terminal=True,
            color_system="standard" if console.err_colour else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live = Live(
            get_renderable=self._render,
            console=self._screen,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def above(self, text: str) -> None:
        """Print lines that stay."""
        from rich.text import Text

        self._screen.print(Text(visible_text(text)), soft_wrap=True)

    def close(self) -> None:
        """Take it off the screen."""
        self._live.stop()

    def _render(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        head, rows = self._content()
        room = max(min(self._most, self._screen.height // 2), 1)
        if len(rows) > room:
            rows = [*rows[: room - 1], ("dim", f"and {len(rows) - room + 1} more")]
        lines = [Text(visible(f"  {text}"), style=style, no_wrap=True, overflow="ellipsis") for style, text in rows]
        return Group(Text(visible(head), style="bold"), *lines)
