"""Guessing who works here, for those who have not said it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sovrgit.pod.config import Config


class Identity(NamedTuple):
    """A name and an address."""

    name: str
    email: str


def guess_identity(environ: Mapping[str, str]) -> Identity:
    """The identity in the user's Git configuration, else the account's name."""
    for path in _git_files(environ):
        config = Config(path)
        name = config.get("user.name")
        if name:
            return Identity(name, config.get("user.email") or "")
    return Identity(_account_name(environ), "")


def _git_files(environ: Mapping[str, str]) -> list[Path]:
    if chosen := environ.get("GIT_CONFIG_GLOBAL"):
        return [Path(chosen)]
    home = environ.get("HOME")
    if not home:
        return []
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return [Path(home, ".gitconfig"), Path(base, "git", "config")]


def _account_name(environ: Mapping[str, str]) -> str:
    import pwd

    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError:
        return environ.get("USER") or "unknown"
    return account.pw_gecos.partition(",")[0] or account.pw_name
