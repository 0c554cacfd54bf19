"""The folder of the stand-in: who its owner is, and what a requestor script needs.

format         says what the folder is
lock           held by the stand-in that serves it
identity.json  the address of its owner and the app-key; for the owner's eyes
env            for a shell to read: what to export before a requestor script is run
about.json     how commands are kept apart, and how many providers there are
bin/gftp       a front that requestor scripts find on their PATH
python/        what makes yapapi work without a network; for PYTHONPATH
published/     notes about files that `gftp` has made reachable
activities/    the volumes of activities; emptied at the start
images/        what images have in them; emptied at the start
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovrgit.devnet.golem.providers import address_of
from sovrgit.errors import DevnetFailed
from sovrgit.store.files import reporting, write_atomic

FORMAT = b"sovrgit golem stand-in 1\n"
_SHIM = Path(__file__).with_name("shim") / "sitecustomize.py"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The owner of the stand-in.

    Attributes:
        node_id: the address.
        app_key: what a client must know. It is as good as the owner's password where commands are not kept apart.
    """

    node_id: str
    app_key: str


class Home:
    """The folder, held by one stand-in at a time.

    Attributes:
        identity: who its owner is; the same after every start.
    """

    def __init__(self, folder: Path) -> None:
        """Take hold of a folder, and make it if there is none.

        Raises:
            DevnetFailed: if another stand-in serves it, or it holds something else.
            ReadOnly, StorageFull, StorageFailure: if it cannot be used.
        """
        self.folder = folder
        self.activities = folder / "activities"
        self.images = folder / "images"
        self.published = folder / "published"
        with reporting(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stamp = folder / "format"
            others = [entry.name for entry in folder.iterdir() if entry.name not in ("lock", "format")]
            if others and (not stamp.exists() or stamp.read_bytes() != FORMAT):
                raise DevnetFailed(
                    reason=f"`{folder}` holds something else than a stand-in's data",
                    hint="choose an empty or a new folder",
                )
            self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take_hold()
            with reporting(folder):
                write_atomic(stamp, FORMAT, mode=0o600, sync=False)
                for place in (self.activities, self.images, self.published):
                    place.mkdir(exist_ok=True, mode=0o700)
                self.identity = self._identity()
                self._write_gftp()
                write_atomic(self._made("python") / "sitecustomize.py", _SHIM.read_bytes(), sync=False)
        except BaseException:
            self.close()
            raise

    @property
    def environment_file(self) -> Path:
        """What a shell reads before a requestor script is run."""
        return self.folder / "env"

    def variables(self, url: str) -> dict[str, str]:
        """What a requestor script must find in its environment, but for the search paths.

        Args:
            url: the address of the stand-in.
        """
        return {
            "YAGNA_APPKEY": self.identity.app_key,
            "YAGNA_API_URL": url,
            "YAGNA_PAYMENT_NETWORK": "hoodi",
            # Of our own shim for yapapi, and of golem-js.
            "SOVR_GOLEM_REGISTRY": url,
            "GOLEM_REGISTRY_URL": url,
        }

    def write_environment(self, url: str, about: Mapping[str, Any]) -> None:
        """Write what others need to know: the environment of scripts, and what this stand-in is.

        Raises:
            ReadOnly, StorageFull, StorageFailure: if it cannot be written.
        """
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.variables(url).items()]
        for name, folder in (("PATH", self.folder / "bin"), ("PYTHONPATH", self.folder / "python")):
            lines.append(f'export {name}={shlex.quote(str(folder))}"${{{name}:+:${name}}}"')
        with reporting(self.folder):
            write_atomic(self.environment_file, ("\n".join(lines) + "\n").encode(), mode=0o600, sync=False)
            write_atomic(self.folder / "about.json", json.dumps(about).encode(), mode=0o600, sync=False)

    def close(self) -> None:
        """Let go of the folder."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _take_hold(self) -> None:
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevnetFailed(
                reason=f"`{self.folder}` is served by another stand-in", hint="`sovr devnet stop` ends it"
            ) from None

    def _identity(self) -> Identity:
        place = self.folder / "identity.json"
        try:
            given = json.loads(place.read_bytes())
            return Identity(str(given["nodeId"]), str(given["appKey"]))
        except FileNotFoundError:
            made = Identity(address_of(secrets.token_hex(16)), secrets.token_hex(16))
        except (ValueError, KeyError, TypeError) as error:
            raise DevnetFailed(reason=f"`{place}` is damaged", hint="remove it; another one is made") from error
        write_atomic(place, json.dumps({"nodeId": made.node_id, "appKey": made.app_key}).encode(), mode=0o600)
        return made

    def _write_gftp(self) -> None:
        words = [sys.executable, "-I", "-m", "sovrgit.devnet.golem.gftp", str(self.published), self.identity.node_id]
        script = f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
        write_atomic(self._made("bin") / "gftp", script.encode(), mode=0o700, sync=False)

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder


def about(folder: Path) -> dict[str, Any]:
    """What the stand-in that serves a folder is; empty if nothing is known."""
    try:
        said = json.loads((folder / "about.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
