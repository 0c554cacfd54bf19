"""The command line: one file per command. Only here are terminal, environment and home folder known."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    import gc
    import os

    from sovrgit.commands.main import run

    # A command holds on to almost everything that it makes, so looking for cycles as often as Python does by default
    # finds nothing, and takes a fifth of the time of one that handles a hundred thousand files.
    gc.set_threshold(100_000, 50, 100)
    # Everything is written, closed and let go of: to take a hundred thousand objects apart first helps nobody.
    os._exit(run(sys.argv[1:]))
