"""Folding small packs without being asked: in a process of its own, so that no command waits for it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sovrgit.errors import ConfigInvalid
from sovrgit.settings import is_true

if TYPE_CHECKING:
    from sovrgit.commands.app import App

WRITERS = frozenset(
    {
        *("commit", "run", "rerun", "verify", "fetch", "pull", "push", "persist", "merge", "cherry-pick", "revert"),
        *("restore", "import", "get"),
    }
)
"""Commands after which there may be one small pack more."""


def keep_tidy(app: App) -> None:
    """Start a collection of garbage in the background, if a command has left many small packs behind.

    `gc.auto = false` in a configuration keeps it from doing so.
    """
    pod = app.opened_pod
    if pod is None:
        return
    try:
        wanted = app.setting("gc.auto")
    except ConfigInvalid as error:
        # What was asked for has been done.
        app.console.warn(f"not tidied up: {error.message}")
        return
    if wanted is not None and not is_true(wanted):
        return
    from sovrgit.pod.gc import worthwhile

    try:
        if not worthwhile(pod):
            return
    except OSError:
        # A folder that cannot be listed is not tidied; whoever reads it next says so.
        return
    import subprocess

    subprocess.Popen(
        [sys.executable, "-m", "sovrgit", "-q", "-C", os.fspath(pod.root), "gc", "--auto"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).returncode = 0  # It outlives this process, which must not complain about that.
