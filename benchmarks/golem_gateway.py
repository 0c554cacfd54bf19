"""What the gateway costs: added latency, throughput, lag of followed events, memory.

    python benchmarks/golem_gateway.py [--calls N] [--threads N]

A Golem stand-in, a gateway before it, and this client are three processes, all on loopback. The client is `http.client`
on connections that stay open, so what is compared is the same call with and without a gateway between.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STAND_IN = """
import json, sys
from pathlib import Path
from sovrgit.devnet.golem import GolemStandIn
with GolemStandIn(Path(sys.argv[1]), namespaces=False) as golem:
    print(json.dumps([golem.url, golem.variables["YAGNA_APPKEY"]]), flush=True)
    sys.stdin.read()
"""

GATEWAY = """
import json, sys
from decimal import Decimal
from pathlib import Path
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.limits import Limits, platform_of
url, key, log = sys.argv[1:]
limits = Limits(frozenset({platform_of("hoodi")}), Decimal(10))
with Gateway(url, key, limits, Path(log), lambda news: None) as gateway:
    print(json.dumps([gateway.url, gateway.key]), flush=True)
    sys.stdin.read()
"""

_TURN = 20

PLATFORM = "erc20-hoodi-tglm"
DEMAND = {"properties": {"golem.srv.comp.expiration": 1}, "constraints": "(golem.runtime.name=vm)"}


class Client:
    """A connection that stays open, to the daemon or to the gateway."""

    def __init__(self, url: str, key: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        self._http.request(method, path, data, self._headers)
        answer = self._http.getresponse()
        said = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {said.decode()}")
        return json.loads(said) if said else None

    def activity(self) -> str:
        """An activity that is ready."""
        demand = self.call("POST", "/market-api/v1/demands", DEMAND)
        path = f"/market-api/v1/demands/{demand}"
        offer = self.call("GET", f"{path}/events?timeout=5")[0]["proposal"]["proposalId"]
        chosen = {**DEMAND, "properties": {**DEMAND["properties"], "golem.com.payment.chosen-platform": PLATFORM}}
        own = self.call("POST", f"{path}/proposals/{offer}", chosen)
        events = self.call("GET", f"{path}/events?timeout=5")
        draft = next(one["proposal"] for one in events if one["proposal"].get("prevProposalId") == own)
        agreement = self.call("POST", "/market-api/v1/agreements", {"proposalId": draft["proposalId"]})
        self.call("POST", f"/market-api/v1/agreements/{agreement}/confirm")
        self.call("POST", f"/market-api/v1/agreements/{agreement}/wait?timeout=10")
        made: str = self.call("POST", "/activity-api/v1/activity", agreement)
        batch = self.send(made, {"deploy": {}}, {"start": {"args": []}})
        self.call("GET", f"/activity-api/v1/activity/{made}/exec/{batch}?timeout=20")
        return made

    def send(self, activity: str, *commands: Any) -> str:
        made: str = self.call("POST", f"/activity-api/v1/activity/{activity}/exec", {"text": json.dumps(commands)})
        return made

    def lags(self, activity: str, lines: int) -> list[float]:
        """Milliseconds from when the stand-in noted a line of output until it was here."""
        script = f"for i in $(seq {lines}); do echo $i; sleep 0.01; done"
        capture = {"stdout": {"stream": {}}, "stderr": {"stream": {}}}
        batch = self.send(activity, {"run": {"entry_point": "/bin/sh", "args": ["-c", script], "capture": capture}})
        headers = {**self._headers, "Accept": "text/event-stream"}
        self._http.request("GET", f"/activity-api/v1/activity/{activity}/exec/{batch}", None, headers)
        answer = self._http.getresponse()
        made: list[float] = []
        while line := answer.readline():
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if "stdout" in event["kind"]:
                noted = datetime.fromisoformat(event["timestamp"]).replace(tzinfo=UTC).timestamp()
                made.append((time.time() - noted) * 1000)
            if "finished" in event["kind"]:
                break
        self._http.close()
        return made


def latencies(call: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of `count` calls."""
    made = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        made.append((time.perf_counter() - began) * 1000)
    return made


def in_turn(one: Callable[[], object], two: Callable[[], object], count: int) -> tuple[list[float], list[float]]:
    """Both, a few of the one and a few of the other, so that what else the machine does hits both."""
    first: list[float] = []
    second: list[float] = []
    for _ in range(0, count, _TURN):
        first += latencies(one, _TURN)
        second += latencies(two, _TURN)
    return first, second


def throughput(url: str, key: str, threads: int, count: int) -> float:
    """Calls a second of several clients together."""
    started = threading.Barrier(threads + 1)

    def work() -> None:
        client = Client(url, key)
        client.call("GET", "/me")
        started.wait()
        for _ in range(count):
            client.call("GET", "/me")

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    started.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return threads * count / (time.perf_counter() - began)


def resident(process: int) -> float:
    """MiB of memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmRSS")


def processor_time(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name: str, values: list[float]) -> tuple[float, float]:
    """Print a line; median and 99th percentile."""
    median, high = statistics.median(values), statistics.quantiles(values, n=100)[98]
    print(f"{name:36} {median:8.2f} {high:8.2f} {max(values):8.2f}")
    return median, high


def started(*argv: str) -> tuple[subprocess.Popen[str], str, str]:
    """A process that prints an address and a key."""
    process = subprocess.Popen(
        [sys.executable, "-c", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=True
    )
    assert process.stdout is not None
    url, key = json.loads(process.stdout.readline())
    return process, url, key


def compare(calls: int, threads: int, url: str, key: str, front: str, own: str, gateway: int, log: Path) -> None:
    """Measure everything, and print it."""
    direct, through = Client(url, key), Client(front, own)
    empty = resident(gateway)
    activity, other = direct.activity(), through.activity()
    direct_state, own_state = (f"/activity-api/v1/activity/{one}/usage" for one in (activity, other))
    body = {"totalAmount": "0.000001", "paymentPlatform": PLATFORM}

    def allocated(client: Client) -> None:
        made = client.call("POST", "/payment-api/v1/allocations", body)["allocationId"]
        client.call("DELETE", f"/payment-api/v1/allocations/{made}")

    print(f"{'milliseconds':36} {'median':>8} {'p99':>8} {'max':>8}")
    for name, one, two in (
        ("GET /me", lambda: direct.call("GET", "/me"), lambda: through.call("GET", "/me")),
        ("GET usage", lambda: direct.call("GET", direct_state), lambda: through.call("GET", own_state)),
        ("POST and DELETE an allocation", lambda: allocated(direct), lambda: allocated(through)),
    ):
        in_turn(one, two, _TURN)
        used = processor_time(gateway)
        first, second = in_turn(one, two, calls)
        used = (processor_time(gateway) - used) * 1000 / len(second)
        before = row(f"{name}, direct", first)
        after = row(f"{name}, gateway", second)
        print(f"{'  added':36} {after[0] - before[0]:8.2f} {after[1] - before[1]:8.2f}")
        print(f"{'  processor time of the gateway':36} {used:8.2f}")
    row("a line of output, direct", direct.lags(activity, 200))
    row("a line of output, gateway", through.lags(other, 200))
    print()
    for count in (1, threads):
        plain, guarded = (throughput(*where, count, calls) for where in ((url, key), (front, own)))
        print(f"GET /me, {count} clients: {plain:.0f} calls/s direct, {guarded:.0f} calls/s with the gateway")
    now = resident(gateway)
    lines = sum(1 for _ in log.open("rb"))
    print(f"memory of the gateway's process: {empty:.0f} MiB at first, {now:.0f} MiB after {lines} lines of log")
    print(f"call log: {log.stat().st_size / lines:.0f} bytes a line")


def main() -> None:
    """Start everything, measure, and end it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000, help="calls of each kind")
    parser.add_argument("--threads", type=int, default=8, help="clients at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        processes = []
        try:
            golem, url, key = started(STAND_IN, os.path.join(folder, "golem"))
            processes.append(golem)
            log = Path(folder) / "calls.jsonl"
            gateway, front, own = started(GATEWAY, url, key, str(log))
            processes.append(gateway)
            print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, loopback\n")
            compare(given.calls, given.threads, url, key, front, own, gateway.pid, log)
        finally:
            for process in reversed(processes):
                process.communicate()


if __name__ == "__main__":
    main()
