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
from sovrgit.remotes.base import Remote, with_retries
from sovrgit.remotes.bundle import BundleRemote, is_bundle
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.fairos.wording import without_secrets
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.podremote import PodRemote
from sovrgit.remotes.state import RemoteState

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


class RemoteSetting(NamedTuple):
    """A remote that a pod knows: its name and location."""

    name: str
    location: str


def open_location(
    location: str, base: Path, networks: Networks | None = None, pod: Pod | None = None, key: str | None = None
) -> Remote:
    """The remote at a location: a path, relative to `base`, a `file://` address, or a pod on a network.

    A path may be a folder of packs, another pod, or a bundle.

    Args:
        networks: how to reach networks; without it only what is on this machine can be opened.
        pod: the pod here that remembers what a location leaves out.
        key: the fingerprint of the key that everything there is sealed with, if that is known.

    Raises:
        ReferenceUnknown: if no kind of remote has locations of this form.
        Unsupported: if it is on a network, and there is no way to reach one.
        SovrError: as for `sovrgit.remotes.fairos.opening.open_fairos`.
    """
    if is_fairos(location) and not os.path.exists(base / location):
        from sovrgit.remotes.fairos.opening import open_fairos

        place = parse_place(location)
        if networks is None:
            raise Unsupported(what=f"`{place.location}`", reason="nothing is known here of networks")
        return open_fairos(place, networks, pod, key)
    path = Path(local_path(location, base))
    if (path / ".sovr" / "format").is_file():
        return PodRemote(path)
    return BundleRemote(path) if is_bundle(path) else DirectoryRemote(path)


def open_existing(location: str, base: Path, networks: Networks | None = None) -> Remote:
    """The same, for reading: there must be something.

    Raises:
        RemoteUnavailable: if there is nothing at the location.
    """
    remote = open_location(location, base, networks)
    if isinstance(remote, DirectoryRemote) and not os.path.isdir(remote.location):
        raise RemoteUnavailable(location=without_secrets(location), reason="there is no such folder")
    try:
        found = with_retries(remote.read_manifest)
    except BaseException:
        remote.close()
        raise
    if found is not None:
        return remote
    remote.close()
    if isinstance(remote, PodRemote):
        raise RemoteUnavailable(location=location, reason="the pod has no commit yet", hint="commit there first")
    raise RemoteUnavailable(location=location, reason="it is neither a pod nor a remote that was pushed to")


def local_path(location: str, base: Path) -> str:
    """The absolute path that a location names.

    Raises:
        ReferenceUnknown: if it does not name a place on this machine.
    """
    scheme = _SCHEME.match(location)
    if scheme and scheme[1] == "file":
        return _path_of(location)
    if scheme and not os.path.exists(base / location):
        if scheme[1] == "swarm":
            raise Unsupported(
                what="the remote kind `swarm`",
                reason="this version reaches folders and FairOS servers",
                hint="use one of these: `sovr remote add NAME fairos:POD`",
            )
        raise ReferenceUnknown(reference=without_secrets(location))
    if not location or "\0" in location:
        raise ReferenceUnknown(reference=without_secrets(location))
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
        raise ReferenceUnknown(
            reference=without_secrets(address), hint="a `file://` address names no host: `file:///folder`"
        )
    # Bytes first: a path need not be UTF-8.
    found = os.fsdecode(unquote_to_bytes(os.fsencode(rest)))
    if "\0" in found:
        raise ReferenceUnknown(reference=without_secrets(address), hint="no path has a `%00` in it")
    return os.path.abspath(found)


# --- the remotes of a pod ---------------------------------------------------------------------------------------


def remotes(pod: Pod) -> list[RemoteSetting]:
    """The remotes that a pod knows, by name."""
    names = sorted(pod.config.subsections("remote"))
    found = [(name, pod.config.get(f"remote.{name}.url")) for name in names]
    return [RemoteSetting(name, location) for name, location in found if location is not None]


def add_remote(
    pod: Pod,
    name: str,
    location: str,
    base: Path,
    networks: Networks | None = None,
    *,
    private: bool | None = None,
) -> RemoteSetting:
    """Let a pod know a remote; nothing is read or written there.

    Args:
        networks: where the key is kept that a reference may come with.
        private: whether a pod on a network is to be sealed, or not; None leaves it to the recipe.

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
        if is_fairos(location) and not os.path.exists(base / location):
            from sovrgit.remotes.fairos.memory import PodMemory

            place = parse_place(location)
            kept = place.location
            if place.reference is not None:
                PodMemory(pod, kept).set(place.reference)
            if place.key is not None and networks is not None:
                from sovrgit.remotes.sealing.keeping import keep_key
                from sovrgit.remotes.sealing.key import PodKey

                key = PodKey.parse(place.key, "key in the reference")
                keep_key(networks.secrets, key)
                pod.config.set(f"remote.{name}.key", key.fingerprint)
            if private is not None:
                pod.config.set(f"remote.{name}.private", "true" if private else "false")
        else:
            kept = local_path(location, base)
        pod.config.set(f"remote.{name}.url", kept)
    return RemoteSetting(name, kept)


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


def open_remote(pod: Pod, name: str, networks: Networks | None = None) -> Remote:
    """A remote that a pod knows.

    Raises:
        RemoteUnknown: if it does not know it.
        SovrError: as for `open_location`.
    """
    return open_location(location_of(pod, name), pod.root, networks, pod, pod.config.get(f"remote.{name}.key"))


def location_of(pod: Pod, name: str) -> str:
    """Where a remote is that a pod knows.

    Raises:
        RemoteUnknown: if it does not know it.
    """
    location = pod.config.get(f"remote.{name}.url")
    if location is None:
        raise RemoteUnknown(name=name)
    return location


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
