"""The real daemon: started in a place without routes, with an identity for the requestor and one for each provider."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

API = "http://127.0.0.1:7465"
BUS = ("127.0.0.1", 7464)
NETWORK = "hoodi"
REQUESTOR_KEY = "the-requestors-app-key"
PATIENCE = 60.0
_MORTAL = """import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])"""
"""Becomes another program that does not outlive the one that started it (PR_SET_PDEATHSIG, SIGKILL)."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who has an identity in the daemon.

    Attributes:
        node_id: the address.
        app_key: what this one's calls are made with.
    """

    name: str
    node_id: str
    app_key: str


class Yagna:
    """The daemon, running. Without routes it can reach nobody; the market and all that follows need nobody else."""

    def __init__(self, binary: Path, folder: Path, providers: list[str]) -> None:
        """Start it.

        Args:
            providers: names of those who get an identity and an app-key of their own.
        """
        self._binary = binary
        self.log = folder / "yagna.log"
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "YAGNA_DATADIR": str(folder / "data"),
            "YAGNA_API_URL": API,
            "GSB_URL": f"tcp://{BUS[0]}:{BUS[1]}",
            # Nobody listens there: without an address the daemon would look one up.
            "YA_NET_RELAY_HOST": "127.0.0.1:7477",
            "YA_NET_BIND_URL": "udp://127.0.0.1:11500",
            "YAGNA_METRICS_URL": "http://127.0.0.1:1/",
            "YAGNA_AUTOCONF_APPKEY": REQUESTOR_KEY,
            # There is no chain to ask whether somebody has money.
            "YAGNA_DEV_SKIP_ALLOCATION_VALIDATION": "1",
        }
        self._process = self._start()
        keys = {}
        for name in providers:
            self._tell("id", "create", "--no-password", name)
            keys[name] = self._tell("app-key", "create", f"{name}-key", "--id", name)
        # The service that passes messages on knows only identities that were there when it started.
        self.stop()
        self._process = self._start()
        self.providers = [Member(name, self._me(str(key)), str(key)) for name, key in keys.items()]
        self.requestor = Member("requestor", self._me(REQUESTOR_KEY), REQUESTOR_KEY)
        current = httpx.get(f"{API}/version/get", timeout=PATIENCE, trust_env=False).json()["current"]
        self.version = str(current["version"])
        for one, side in [(self.requestor, "--sender"), *((one, "--receiver") for one in self.providers)]:
            self._tell("payment", "init", side, "--network", NETWORK, "--account", one.node_id)

    def stop(self) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _MORTAL, self._binary, "service", "run"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{API}/version/get", timeout=PATIENCE, trust_env=False).raise_for_status()
                return process
            except httpx.HTTPError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    raise RuntimeError(f"yagna did not start:\n{self.log.read_text()[-2000:]}") from error
                time.sleep(0.05)

    def _tell(self, *words: str) -> Any:
        """What a command of the daemon's own answers."""
        argv = [self._binary, *words, "--json"]
        done = subprocess.run(
            argv, env=self._environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"yagna {words[0]} {words[1]}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def _me(self, key: str) -> str:
        answer = httpx.get(f"{API}/me", headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE, trust_env=False)
        return str(answer.raise_for_status().json()["identity"])
