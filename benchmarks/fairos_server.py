"""The server that is measured with: a stand-in in a process of its own, or one that runs already."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fairos_plain import Plain

PROBES = 9
"""Small reads whose median is what a call takes."""

PASSWORD = "a password for benchmarks"
"""Of accounts that are made for one run."""


class Server(NamedTuple):
    """A server: its address, and its process if that is known."""

    url: str
    pid: int | None

    def processor(self) -> float:
        """Seconds of a processor that it has used so far; 0 if that cannot be known."""
        if self.pid is None:
            return 0.0
        # After the name in brackets: state, then from the fourteenth of all on user and system time (proc(5)).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Login(NamedTuple):
    """A user who was made for a repetition, and what a small read takes them in seconds."""

    user: str
    probe: float

    def environment(self, server: Server) -> dict[str, str]:
        """The variables by which `sovr` and the plain client know server and user."""
        return {
            "SOVR_FAIROS_URL": server.url,
            "SOVR_FAIROS_USER": self.user,
            "SOVR_FAIROS_PASSWORD": PASSWORD,
        }


@contextlib.contextmanager
def standin(folder: Path, latency: float, environment: Mapping[str, str]) -> Iterator[Server]:
    """A stand-in of its own, with no data, for the length of a block.

    Args:
        folder: where its data lies; it is made.
        latency: seconds that every call waits.
    """
    argv = [sys.executable, "-m", "sovrgit", "--json", "devnet", "start", "--foreground", "--port", "0"]
    argv += ["--folder", str(folder), "--latency", f"{latency * 1000:g}"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(argv, env=dict(environment), stdout=subprocess.PIPE, stderr=errors)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise OSError(f"the stand-in does not begin: {errors.read().decode('utf-8', 'replace')[-300:]}")
            yield Server(json.loads(line)["fairos"]["url"], process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def sign_up(server: Server, pod: str, folder: Path) -> Login:
    """Make a user with a pod, for plain transfers, and see what a small read takes.

    Args:
        folder: for small files.
    """
    plain = Plain(server.url)
    user = f"bench-{secrets.token_hex(6)}"
    try:
        plain.sign_up(user, PASSWORD)
        plain.make_pod(pod)
        small = folder / "small"
        small.write_bytes(b"small")
        plain.upload(pod, "small", small)
        reference = plain.share(pod)
        reads = [plain.public(reference, "small", folder / "read").seconds for _ in range(PROBES)]
    finally:
        plain.close()
    return Login(user, statistics.median(reads))
