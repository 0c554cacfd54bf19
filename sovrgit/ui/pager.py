"""Showing long output through a pager."""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
from collections.abc import Iterator, Mapping

from sovrgit.ui.console import Console

DEFAULT_PAGER = "less -FRX"
"""Stops at once if the text fits the screen, keeps colours, leaves the text on the screen."""


_FOR_LESS = {"LESS": "FRX", "LESSCHARSET": "utf-8"}
"""For a plain `less` in `PAGER`, which would show colours as `ESC[33m`. Git does so, too; the user's own win."""


@contextlib.contextmanager
def paged(console: Console, command: str | None, environment: Mapping[str, str]) -> Iterator[None]:
    """Send what is printed inside the block to a pager, if there is a terminal and a pager.

    Args:
        command: the pager's command line; None or empty for none.
    """
    if not console.terminal or console.as_json or not command or command == "cat":
        yield
        return
    try:
        pager = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, env={**_FOR_LESS, **environment})
    except (OSError, ValueError):
        yield
        return
    assert pager.stdin is not None
    out = console.out
    console.out = io.TextIOWrapper(pager.stdin, encoding="utf-8", errors="surrogateescape", write_through=True)
    try:
        # Whoever quits the pager has seen enough; that is no error.
        with contextlib.suppress(BrokenPipeError):
            yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            console.out.close()
        # Ctrl-C belongs to the pager for as long as it shows something.
        while pager.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):
                pager.wait()
        console.out = out
