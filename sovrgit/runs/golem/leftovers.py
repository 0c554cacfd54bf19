"""Ending what runs have left open at a daemon whose `sovr` was killed, from their call logs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import StorageFailure
from sovrgit.runs.golem.daemon import Daemon
from sovrgit.runs.golem.gateway import settle_from
from sovrgit.runs.golem.session import CALLS, NOTE
from sovrgit.store.files import reporting
from sovrgit.store.processes import birth_of

PATIENCE = 30.0
"""Seconds until it is left to the run after this one."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A session whose process is gone."""

    folder: Path
    url: str
    emulated: bool


def leftovers(sessions: Path) -> Iterator[Leftover]:
    """The sessions in a folder whose process does not live any more."""
    if not sessions.is_dir():
        return
    with reporting(sessions):
        folders = sorted(sessions.iterdir())
    for folder in folders:
        try:
            note = json.loads((folder / NOTE).read_bytes())
            pid, birth, url, emulated = note["pid"], note["birth"], str(note["url"]), bool(note["emulated"])
        except FileNotFoundError:
            continue  # a devnet's own folder, or a session that begins at this moment
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half a note is none: nothing was opened before it was whole
        if not isinstance(pid, int) or not birth or birth_of(pid) != birth:
            yield Leftover(folder, url, emulated)


def settle_leftovers(sessions: Path, daemon: Daemon) -> list[str]:
    """End what was left open at a daemon; what could not be ended, in words.

    What was left open at a devnet that is gone, is gone with it. What was left open at another daemon is left alone.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if a call log cannot be read.
    """
    left: list[str] = []
    for one in leftovers(sessions):
        if one.url == daemon.url:
            found = _settle(one, daemon)
            left += found
            if found:
                continue
        elif not one.emulated:
            continue
        shutil.rmtree(one.folder, ignore_errors=True)
    return left


def _settle(one: Leftover, daemon: Daemon) -> tuple[str, ...]:
    calls = one.folder / CALLS
    if not calls.exists():
        return ()
    try:
        return settle_from(calls, daemon.url, daemon.app_key, PATIENCE)
    except StorageFailure as error:
        return (str(error),)
