"""Which kind of remote a location or reference names, and the remotes that a pod knows."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from sovrgit.errors import ReferenceUnknown, RemoteExists, RemoteUnavailable, RemoteUnknown, UnsafeName, Unsupported
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import REMOTES, RefChange
from sovrgit.remotes.base import Remote
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.podremote import PodRemote
from sovrgit.remotes.state import RemoteState

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


class RemoteSetting(NamedTuple):
    """A remote that a pod knows: its name and location."""

    name: str
    location: str


def open_location(location: str, base: Path) -> Remote:
    """The remote at a location: a path, relative to `base`, or a `file://` address.

    Raises:
        ReferenceUnknown: if no kind of remote has locations of this form.
    """
    path = Path(local_path(location, base))
    if (path / ".sovr" / "format").is_file():
        return PodRemote(path)
    return DirectoryRemote(path)


def open_existing(location: str, base: Path) -> Remote:
    """The same, for reading: there must be something.

    Raises:
        RemoteUnavailable: if there is nothing at the location.
    """
    remote = open_location(location, base)
    if not os.path.isdir(remote.location):
        raise RemoteUnavailable(location=location, reason="there is no such folder")
    if remote.read_manifest() is None:
        if isinstance(remote, PodRemote):
            raise RemoteUnavailable(location=location, reason="the pod has no commit yet", hint="commit there first")
        raise RemoteUnavailable(location=location, reason="it is neither a pod nor a remote that was pushed to")
    return remote


def local_path(location: str, base: Path) -> str:
    """The absolute path that a location names.

    Raises:
        ReferenceUnknown: if it does not name a place on this machine.
    """
    scheme = _SCHEME.match(location)
    if scheme and scheme[1] == "file":
        return _path_of(location)
    if scheme and not os.path.exists(base / location):
        if scheme[1] in ("fairos", "swarm") or scheme[1].startswith("fairos+"):
            raise Unsupported(
                what=f"the remote kind `{scheme[1]}`",
                reason="this version reaches folders only",
                hint="use a folder: `sovr remote add NAME /path/to/folder`",
            )
        raise ReferenceUnknown(reference=location)
    if not location or "\0" in location:
        raise ReferenceUnknown(reference=location)
    return os.path.abspath(base / location)


def _path_of(address: str) -> str:
    """The path in a `file:` address (RFC 8089).

    Not by a general parser: it would take `#` for the end of the path, where people forget to write `%23`.
    """
    rest = address.removeprefix("file:")
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        rest = slash + path
    else:
        host = ""
    if host not in ("", "localhost") or not rest.startswith("/"):
        raise ReferenceUnknown(reference=address, hint="a `file://` address names no host: `file:///folder`")
    # Bytes first: a path need not be UTF-8.
    found = os.fsdecode(unquote_to_bytes(os.fsencode(rest)))
    if "\0" in found:
        raise ReferenceUnknown(reference=address, hint="no path has a `%00` in it")
    return os.path.abspath(found)


# --- the remotes of a pod ---------------------------------------------------------------------------------------


def remotes(pod: Pod) -> list[RemoteSetting]:
    """The remotes that a pod knows, by name."""
    names = sorted(pod.config.subsections("remote"))
    found = [(name, pod.config.get(f"remote.{name}.url")) for name in names]
    return [RemoteSetting(name, location) for name, location in found if location is not None]


def add_remote(pod: Pod, name: str, location: str, base: Path) -> RemoteSetting:
    """Let a pod know a remote; nothing is read or written there.

    Raises:
        UnsafeName: if the name cannot be one.
        RemoteExists: if it is taken.
        ReferenceUnknown, Unsupported: if the location names no kind of remote.
    """
    if not _NAME.fullmatch(name) or name.endswith(".lock"):
        raise UnsafeName(name=name, reason="a remote's name has letters, digits, dots, dashes", hint="choose another")
    with pod.lock():
        if pod.config.get(f"remote.{name}.url") is not None:
            raise RemoteExists(name=name)
        absolute = local_path(location, base)
        pod.config.set(f"remote.{name}.url", absolute)
    return RemoteSetting(name, absolute)


def remove_remote(pod: Pod, name: str) -> None:
    """Let a pod forget a remote. What was fetched from it stays until `gc`.

    Raises:
        RemoteUnknown: if it does not know it.
    """
    with pod.lock():
        if not pod.config.remove_section(f"remote.{name}"):
            raise RemoteUnknown(name=name)
        refs = pod.refs.read()
        gone = [
            RefChange(full, value, None) for full, value in refs.values.items() if full.startswith(f"{REMOTES}{name}/")
        ]
        pod.refs.update(gone, command="remote remove", time_ns=0)
        RemoteState.forget(pod.folder, name)


def open_remote(pod: Pod, name: str) -> Remote:
    """A remote that a pod knows.

    Raises:
        RemoteUnknown: if it does not know it.
    """
    location = pod.config.get(f"remote.{name}.url")
    if location is None:
        raise RemoteUnknown(name=name)
    return open_location(location, pod.root)


def default_remote(pod: Pod) -> str:
    """The remote that is meant when none is named: `origin`, or the only one.

    Raises:
        RemoteUnknown: if that does not decide it.
    """
    names = [setting.name for setting in remotes(pod)]
    if "origin" in names:
        return "origin"
    if len(names) == 1:
        return names[0]
    hint = f"name one of: {', '.join(names)}" if names else "run `sovr remote add origin /path/to/folder`"
    raise RemoteUnknown(name="origin", hint=hint)
