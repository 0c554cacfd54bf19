"""What is measured with a FairOS server, step by step: `sovr`, an archive as the first CLI made it, and plain files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import measure
from data import LARGE_NAME, large_file
from disk import copy, first_difference
from fairos_server import Login, Server, sign_up
from fairos_watch import DOWNLOADS

HERE = Path(__file__).parent
EDITS = 10
"""Files that get a line more in the set of many files."""

PLAIN_POD = "plain"
"""The pod of the archive and of plain files; `sovr` has one of its own."""

SOVR_POD = "measured"

STEPS = {
    "push": "push",
    "zip-push": "archive: make and upload",
    "upload": "plain upload of the bytes of the push",
    "clone": "clone with checkout",
    "zip-clone": "archive: download and unpack",
    "download": "plain download of the bytes of the clone",
    "push-edit": "push of the edits",
    "pull-edit": "pull of the edits",
}
"""The steps in the order in which they are shown. Clones with another number of downloads are `clone-N`."""


class Source(NamedTuple):
    """A set: the folder that is committed, and the edited file if the edit is not of many files."""

    name: str
    folder: Path
    edited: Path | None


class Record(NamedTuple):
    """One measured step.

    `where` is the server and its latency. Seconds are those of the whole process; `processor` and `server` seconds of a
    processor, ours and the server's; `waiting` seconds in which at least one call was under way; `first` seconds until
    the first call. Bytes are those of bodies; `peak` is memory in bytes.
    """

    where: str
    data: str
    step: str
    repetition: int
    seconds: float
    processor: float
    server: float
    peak: int
    calls: int
    sent: int
    received: int
    waiting: float
    first: float
    probe: float


class Failed(Exception):
    """A step that failed: nothing after it can be measured."""


def base_environment(home: Path) -> dict[str, str]:
    """What `sovr` runs in: nobody's settings, logins or caches."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "SOVR_CONFIG": "",
        "SOVR_CREDENTIALS": str(home / "credentials"),
        "SOVR_NO_INPUT": "1",
        "SOVR_NO_PROGRESS": "1",
        "SOVR_AUTHOR_NAME": "Benchmark",
        "SOVR_AUTHOR_EMAIL": "benchmark@example.org",
    }


def prepare_pod(source: Source, folder: Path) -> Path:
    """A pod with the data, committed once; every repetition works with a copy of it."""
    pod = folder / source.name
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    pod.mkdir()
    copy(source.folder, pod / "payload")
    _sovr(pod, base_environment(home), "init", "--name", "benchmark")
    _sovr(pod, base_environment(home), "commit", "-m", "first")
    return pod


class Repetition:
    """One repetition with one set at one server."""

    def __init__(
        self,
        source: Source,
        prepared: Path,
        server: Server,
        where: str,
        number: int,
        root: Path,
        *,
        private: bool,
        timeout: float,
        downloads: tuple[int, ...],
    ) -> None:
        self.records: list[Record] = []
        self._source = source
        self._server = server
        self._where = where
        self._number = number
        self._root = root
        self._pod = root / "pod"
        self._private = private
        self._timeout = timeout
        self._downloads = downloads
        home = root / "home"
        home.mkdir(parents=True)
        copy(prepared, self._pod)
        self._login: Login = sign_up(server, PLAIN_POD, root)
        self._environment = base_environment(home) | self._login.environment(server)

    def run(self) -> list[Record]:
        """All steps.

        Raises:
            Failed: if one fails, or a clone differs from the data.
        """
        self._untimed("remote", "add", "origin", f"fairos:{SOVR_POD}", "--private" if self._private else "--public")
        pushed = self._measure("push", self._pod, "push", "origin")
        reference = self._reference()
        cloned = self._measure("clone", self._root, "clone", reference, "clone")
        self._check("clone")
        for count in self._downloads:
            folder = f"clone-{count}"
            self._measure(folder, self._root, "clone", reference, folder, environment={DOWNLOADS: str(count)})
            shutil.rmtree(self._root / folder)
        plain = large_file(self._root / "plain.bin", max(pushed.sent, 1))
        self._plain("upload", plain)
        plain.unlink()
        self._plain("download", self._root / "plain.back")
        (self._root / "plain.back").unlink()
        if abs(pushed.sent - cloned.received) > max(pushed.sent // 100, 1 << 16):
            raise Failed(f"the clone received {cloned.received} bytes of the {pushed.sent} that were pushed")
        self._plain("zip-push", self._pod / "payload")
        self._plain("zip-clone", self._root / "unpacked")
        self._edit()
        self._untimed("commit", "-m", "edits")
        self._measure("push-edit", self._pod, "push", "origin")
        self._measure("pull-edit", self._root / "clone", "pull")
        self._check("clone", edited=True)
        return self.records

    # --- steps ------------------------------------------------------------------------------------------------------

    def _measure(
        self, step: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Record:
        result = self._root / "calls.json"
        argv = [sys.executable, str(HERE / "fairos_watch.py"), str(result), *arguments]
        taken, server, start = self._timed(step, argv, folder, environment or {})
        calls = json.loads(result.read_text())
        result.unlink()
        record = Record(
            *(self._where, self._source.name, step, self._number),
            *(taken.seconds, taken.processor, server, taken.peak),
            *(len(calls), sum(call["sent"] for call in calls), sum(call["received"] for call in calls)),
            waiting=_covered([(call["begin"], call["end"]) for call in calls]),
            first=min((call["begin"] for call in calls), default=start) - start,
            probe=self._login.probe,
        )
        self.records.append(record)
        return record

    def _plain(self, step: str, file: Path) -> None:
        result = self._root / "plain.json"
        argv = [sys.executable, str(HERE / "fairos_plain.py"), step, PLAIN_POD, str(file), str(result)]
        taken, server, _ = self._timed(step, argv, self._root, {})
        transfer = json.loads(result.read_text())
        result.unlink()
        up = step in ("upload", "zip-push")
        self.records.append(
            Record(
                *(self._where, self._source.name, step, self._number),
                *(taken.seconds, taken.processor, server, taken.peak),
                *(3 if step == "download" else 2, transfer["size"] if up else 0, 0 if up else transfer["size"]),
                waiting=transfer["seconds"],
                first=0.0,
                probe=self._login.probe,
            )
        )

    def _timed(
        self, step: str, argv: list[str], folder: Path, extra: Mapping[str, str]
    ) -> tuple[measure.Measurement, float, float]:
        subprocess.run(["sync", "-f", self._root], check=True)
        before, start = self._server.processor(), time.monotonic()
        taken = measure.run(argv, folder=folder, environment={**self._environment, **extra}, timeout=self._timeout)
        if taken.failure:
            raise Failed(f"{STEPS.get(step, step)}: {taken.failure}")
        return taken, self._server.processor() - before, start

    def _reference(self) -> str:
        words = ["share", "origin", "-q", *(["--private"] if self._private else [])]
        return _sovr(self._pod, self._environment, *words).strip()

    def _untimed(self, *arguments: str) -> None:
        _sovr(self._pod, self._environment, *arguments)

    def _edit(self) -> None:
        """Change the pod as an editor would: new content under another name, then renamed."""
        payload = self._pod / "payload"
        if self._source.edited is not None:
            new = payload / f"{LARGE_NAME}.new"
            copy(self._source.edited, new, touch=True)
            new.rename(payload / LARGE_NAME)
            return
        files = sorted(path for path in payload.rglob("*") if path.is_file())
        for path in files[:: max(1, len(files) // EDITS)][:EDITS]:
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(path.read_bytes() + b"one more line\n")
            new.rename(path)

    def _check(self, clone: str, *, edited: bool = False) -> None:
        """A clone that differs from the data has not earned its time."""
        if self._number:
            return
        original = self._pod / "payload" if edited else self._source.folder
        if different := first_difference(original, self._root / clone / "payload"):
            raise Failed(f"the clone differs in {different}")


def _sovr(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sovrgit", *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"sovr {arguments[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one of the spans lasted."""
    total = 0.0
    until = float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
