"""Which value of a setting counts: the user's file, the pod's, the environment, and what was given for one command.

The one place where it is enforced that programs and endpoints are never taken from a pod's file: that may have come
with a pod that somebody else has made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sovrgit import env
from sovrgit.errors import ConfigInvalid
from sovrgit.pod.config import Config
from sovrgit.settings import SETTINGS, known, normal


def user_file(environ: Mapping[str, str], folder: Callable[[], Path]) -> Config:
    """The user's settings: in the file that the environment names, else in their folder for configuration."""
    chosen = environ.get(env.CONFIG.name)
    return Config(folder() / "config" if chosen is None else Path(chosen or os.devnull))


Scope = Literal["user", "pod", "environment", "command"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting in one place.

    `origin` is a file, a variable, or `-c`. `counts` says whether it is this value that is used, and `ignored` why it
    never is in this place.
    """

    name: str
    value: str
    scope: Scope
    origin: str
    counts: bool = True
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Scopes:
    """The places that settings are taken from. The last one wins: user, pod, environment, this command."""

    user: Config | None = None
    pod: Config | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """The value that counts.

        Raises:
            ConfigInvalid: if a file cannot be read, or the value has no meaning.
        """
        found = self.find(name)
        return found.value if found is not None else None

    def find(self, name: str) -> Entry | None:
        """The value that counts, and where it is from.

        Raises:
            ConfigInvalid: if a file cannot be read, or the value has no meaning.
        """
        name = normal(name)
        setting = known(name)
        found = self._given(name) or self._from_environment(name)
        if found is None and self.pod is not None and not (setting is not None and setting.users_only):
            found = _in_file(self.pod, "pod", name)
        if found is None and self.user is not None:
            found = _in_file(self.user, "user", name)
        if found is not None and setting is not None and (wrong := setting.check(found.value)):
            raise ConfigInvalid(
                file=found.origin,
                # Without the value: an address may hold a password.
                reason=f"`{name}` {wrong}",
                hint=f"`sovr config {name} --show-origin` shows where it is from",
            )
        return found

    def ignored(self, name: str) -> Entry | None:
        """What the pod's file says about a setting that is not taken from there.

        Raises:
            ConfigInvalid: if the file cannot be read.
        """
        setting = known(name)
        if self.pod is None or setting is None or not setting.users_only:
            return None
        found = _in_file(self.pod, "pod", normal(name))
        return replace(found, counts=False, ignored=setting.users_only) if found is not None else None

    def entries(self) -> list[Entry]:
        """All settings in all places, those that win later.

        Raises:
            ConfigInvalid: if a file cannot be read.
        """
        found: list[Entry] = []
        if self.user is not None:
            found += [Entry(normal(name), value, "user", str(self.user.path)) for name, value in self.user.items()]
        if self.pod is not None:
            for name, value in self.pod.items():
                setting = known(name)
                ignored = setting.users_only if setting is not None else ""
                found.append(Entry(normal(name), value, "pod", str(self.pod.path), ignored=ignored))
        found += [entry for setting in SETTINGS if (entry := self._from_environment(setting.name)) is not None]
        found += [Entry(normal(name), value, "command", "-c") for name, value in self.given.items()]
        last = {entry.name: index for index, entry in enumerate(found) if not entry.ignored}
        return [replace(entry, counts=last.get(entry.name) == index) for index, entry in enumerate(found)]

    def _given(self, name: str) -> Entry | None:
        value = self.given.get(name)
        return None if value is None else Entry(name, value, "command", "-c")

    def _from_environment(self, name: str) -> Entry | None:
        setting = known(name)
        if setting is None or setting.variable is None:
            return None
        value = self.environ.get(setting.variable.name)
        if value is None or (not value and not setting.empty_counts):
            return None
        return Entry(name, value, "environment", setting.variable.name)


def _in_file(file: Config, scope: Scope, name: str) -> Entry | None:
    value = file.get(name)
    return None if value is None else Entry(name, value, scope, str(file.path))
