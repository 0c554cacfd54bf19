"""The command line: one file per command. Only here are terminal, environment and home folder known."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    from sovrgit.commands.main import run

    sys.exit(run(sys.argv[1:]))
