"""A pod whose script talks to a devnet, through the executor, with nothing but the standard library.

What scripts with an SDK do is tested in `tests/commands/test_golem_run.py`; here are the ends that they can come to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import SovrError
from sovrgit.executors import executor_for
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.runs.executor import Cancel, Event
from sovrgit.runs.golem.choice import Wish
from sovrgit.runs.golem.executor import GolemExecutor
from sovrgit.runs.record import RunRequest
from sovrgit.runs.run import RunResult, run_pod
from sovrgit.runs.verification import Checks, Verification, verify

CLIENT = """
import json, os, signal, sys, time, urllib.error, urllib.request
def call(method, path, body=None):
    request = urllib.request.Request(
        os.environ["YAGNA_API_URL"] + path, None if body is None else json.dumps(body).encode(), method=method,
        headers={"Authorization": "Bearer " + os.environ["YAGNA_APPKEY"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
        return json.loads(text) if text else None
PLATFORM = "erc20-%s-%s" % (os.environ["YAGNA_PAYMENT_NETWORK"], "tglm")
def allocate(total="1", platform=PLATFORM):
    return call("POST", "/payment-api/v1/allocations", {"paymentPlatform": platform, "totalAmount": total,
        "timeout": "2099-01-01T00:00:00Z", "makeDeposit": False})["allocationId"]
ASKED = {"golem.srv.comp.expiration": 1, "golem.node.debug.subnet": "public"}
def demand(memory=0.5):
    return call("POST", "/market-api/v1/demands", {"properties": ASKED,
        "constraints": "(golem.inf.mem.gib>=%s)" % memory})
def agree(total="1"):
    allocation, made = allocate(total), demand()
    decorated = call("GET", "/payment-api/v1/demandDecorations?allocationIds=" + allocation)
    properties = {**ASKED, **{one["key"]: one["value"] for one in decorated["properties"]}}
    properties["golem.com.payment.chosen-platform"] = PLATFORM
    events = call("GET", "/market-api/v1/demands/%s/events?timeout=5&maxEvents=1" % made)
    first = events[0]["proposal"]["proposalId"]
    call("POST", "/market-api/v1/demands/%s/proposals/%s" % (made, first),
        {"properties": properties, "constraints": "(golem.inf.mem.gib>=0.5)"})
    while True:
        drafts = [e["proposal"] for e in call("GET", "/market-api/v1/demands/%s/events?timeout=5" % made)
                  if e["eventType"] == "ProposalEvent" and e["proposal"]["state"] == "Draft"]
        if drafts:
            break
    agreement = call("POST", "/market-api/v1/agreements",
        {"proposalId": drafts[0]["proposalId"], "validTo": "2099-01-01T00:00:00Z"})
    call("POST", "/market-api/v1/agreements/%s/confirm" % agreement)
    call("POST", "/market-api/v1/agreements/%s/wait?timeout=15" % agreement)
    return agreement
def leave(text="42\\n", name="out.txt"):
    with open("output/" + name, "w") as file:
        file.write(text)
"""


_OPEN = ("Approved", "Pending", "Proposal")


@dataclass
class GolemPod:
    """A pod, and the devnet that its script talks to."""

    pod: Pod
    devnet: GolemStandIn
    events: list[Event] = field(default_factory=list)
    on: Callable[[Event], None] = lambda _: None
    agreed: list[tuple[str, str, Decimal]] = field(default_factory=list)
    patience: float = 5.0

    def script(self, text: str, **golem: Any) -> None:
        """The script of the pod, and what its recipe says besides."""
        for folder in ("script", "payload", "output"):
            (self.pod.root / folder).mkdir(exist_ok=True)
        (self.pod.root / "script" / "main.py").write_text(CLIENT + text + "\n")
        recipe = {"name": "lab", "golem": {"exec": "python3 script/main.py", **golem}}
        (self.pod.root / "recipe.json").write_text(json.dumps(recipe))

    def declare(self, run: str, **golem: Any) -> None:
        """A recipe that declares a job, without a script."""
        for folder in ("script", "payload", "output"):
            (self.pod.root / folder).mkdir(exist_ok=True)
        (self.pod.root / "recipe.json").write_text(json.dumps({"name": "lab", "golem": {"run": run, **golem}}))

    def executor(self, environ: Mapping[str, str] = {}, recorded: ObjectId | None = None, **wish: Any) -> GolemExecutor:
        """The executor that the user gets who wishes so, for the pod or for repeating a run."""

        def confirm(network: str, token: str, budget: Decimal) -> bool:
            self.agreed.append((network, token, budget))
            return False

        found = executor_for(
            self.pod,
            Wish(**{"on": "devnet", **wish}),
            environ,
            lambda: (self.devnet.url, self.devnet.folder),
            confirm,
            recorded=self.pod.store.run(recorded) if recorded is not None else None,
        )[0]
        assert isinstance(found, GolemExecutor)
        found.patience = self.patience
        return found

    def run(self, *, environ: Mapping[str, str] = {}, cancel: Cancel | None = None, **given: Any) -> RunResult:
        """Run it; `wish` is what the user wishes, everything else is of the request."""
        executor = self.executor(environ, **given.pop("wish", {}))
        request = RunRequest(
            Stamp("Ann", "ann@example.org", 1_700_000_000),
            ({"PATH": "/usr/local/bin:/usr/bin:/bin"}, {}),
            lambda _: True,
            **{"force": True, "grace": 2.0, **given},
        )
        self.events = []
        with cancel or Cancel() as cancel:
            return run_pod(self.pod, executor, request, self._take, lambda _: None, cancel)

    def verify(self, run: ObjectId, *, hold: float = 0.5, **checks: Any) -> Verification:
        """Verify a run; `hold` is how long others than before may take to offer."""
        executor = self.executor(recorded=run)
        executor.hold = hold
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        who = Stamp("Ann", "ann@example.org", 1_700_000_000)
        request = RunRequest(who, (environment, {}), lambda _: True)
        with Cancel() as cancel:
            return verify(self.pod, run, executor, request, self._take, cancel, Checks(**checks))

    def refused(self, kind: type[SovrError], **given: Any) -> SovrError:
        """The error with which it does not even begin."""
        try:
            self.run(**given)
        except kind as error:
            return error
        raise AssertionError("it ran")

    def ask(self, path: str) -> Any:
        """What the devnet answers its owner."""
        key = self.devnet.variables["YAGNA_APPKEY"]
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as client:
            return client.get(self.devnet.url + path).json()

    def nothing_is_open(self) -> bool:
        """Whether no allocation, no demand and no agreement is left."""
        return (
            self.ask("/payment-api/v1/allocations") == []
            and self.ask("/market-api/v1/demands") == []
            and not any(
                self.ask(f"/market-api/v1/agreements?state={one}") for one in ("Approved", "Pending", "Proposal")
            )
        )

    def stored(self) -> bytes:
        """The content of every object that is stored, one behind the other."""
        store = self.pod.store
        return b"\0".join(
            b"".join(bytes(piece) for piece in store.stream(identity))
            if store.kind(identity) is Kind.BLOB
            else bytes(store.read(identity, store.kind(identity)))
            for pack in store.packs()
            for identity, _ in store.contents(pack.id)
        )

    def log(self) -> str:
        return (self.pod.root / "logs" / "run.log").read_text()

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.on(event)
