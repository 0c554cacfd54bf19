"""A requestor of few words, for tests of the Golem stand-in: it talks to the socket as SDKs do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.published import Published

PLATFORM = "erc20-hoodi-tglm"
MARKET, PAYMENT, ACTIVITY = "/market-api/v1", "/payment-api/v1", "/activity-api/v1"
PATIENCE = 30.0
LATER = "2099-01-01T00:00:00Z"
DEMAND = {
    "properties": {"golem.node.debug.subnet": "anywhere", "golem.srv.comp.expiration": 1},
    "constraints": "(&(golem.inf.mem.gib>=0.5)(golem.runtime.name=vm)(golem.node.debug.subnet=anywhere))",
}


class Requestor:
    """Somebody who knows the app-key."""

    def __init__(self, golem: GolemStandIn, key: str | None = None) -> None:
        self.golem = golem
        self.http = httpx.Client(
            base_url=golem.url,
            headers={"Authorization": f"Bearer {key or golem.variables['YAGNA_APPKEY']}"},
            timeout=PATIENCE,
            trust_env=False,
        )
        self.files = Published(golem.folder / "published", self.get("/me")["identity"]) if key is None else None

    def call(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """What a call answers; `status` is what it must be, if it is not a good one."""
        given = {"content": json.dumps(body)} if body is not None else {}
        answer = self.http.request(method, path, **given)
        assert answer.status_code == status if status else answer.is_success, (answer.status_code, answer.text)
        # The daemon says what is wrong in JSON or in plain text.
        plain = answer.headers.get("Content-Type", "").startswith("text/plain")
        return {"message": answer.text} if plain else answer.json() if answer.content else None

    def get(self, path: str, status: int | None = None) -> Any:
        return self.call("GET", path, status=status)

    def post(self, path: str, body: Any = None, status: int | None = None) -> Any:
        return self.call("POST", path, body, status)

    # --- the usual way ------------------------------------------------------------------------------------------

    def allocate(self, total: str = "1", platform: str = PLATFORM, status: int | None = None) -> Any:
        body = {"paymentPlatform": platform, "totalAmount": total, "timeout": "2099-01-01T00:00:00Z"}
        return self.post(f"{PAYMENT}/allocations", body, status)

    def demand(self, **properties: Any) -> str:
        found = self.post(f"{MARKET}/demands", {**DEMAND, "properties": DEMAND["properties"] | properties})
        assert isinstance(found, str)
        return found

    def events(self, demand: str, timeout: float = 5) -> Any:
        return self.get(f"{MARKET}/demands/{demand}/events?timeout={timeout}&maxEvents=100")

    def draft(self, demand: str, initial: str, **negotiated: Any) -> Any:
        """Answer a proposal; the proposal that the provider then makes."""
        properties = DEMAND["properties"] | {"golem.com.payment.chosen-platform": PLATFORM} | negotiated
        path = f"{MARKET}/demands/{demand}/proposals/{initial}"
        own = self.post(path, {**DEMAND, "properties": properties})
        (found,) = [event for event in self.events(demand) if event.get("proposal", {}).get("prevProposalId") == own]
        return found["proposal"]

    def agree(
        self,
        *,
        name: str | None = None,
        image: str | None = None,
        valid_to: str = "2099-01-01T00:00:00Z",
        **negotiated: Any,
    ) -> str:
        """An agreement that a provider has been asked for."""
        if image is not None:
            negotiated["golem.srv.comp.task_package"] = f"hash:sha3:{image}:{self.golem.url}/images/{image}"
        demand = self.demand()
        offers = [event["proposal"] for event in self.events(demand)]
        offer = next(one for one in offers if name is None or one["properties"]["golem.node.id.name"] == name)
        draft = self.draft(demand, offer["proposalId"], **negotiated)
        agreement = self.post(f"{MARKET}/agreements", {"proposalId": draft["proposalId"], "validTo": valid_to})
        assert self.post(f"{MARKET}/agreements/{agreement}/confirm") is None
        assert isinstance(agreement, str)
        return agreement

    def activity(self, agreement: str | None = None, *, deployed: bool = True) -> str:
        """A new activity, ready to run commands."""
        found = self.post(f"{ACTIVITY}/activity", agreement or self.agree())
        if deployed:
            results = self.execute(found, {"deploy": {}}, {"start": {"args": []}})
            assert [one["result"] for one in results] == ["Ok", "Ok"], results
        assert isinstance(found, str)
        return found

    def send(self, activity: str, *commands: Any) -> str:
        found = self.post(f"{ACTIVITY}/activity/{activity}/exec", {"text": json.dumps(commands)})
        assert isinstance(found, str)
        return found

    def results(self, activity: str, batch: str, status: int | None = None, timeout: float = 20) -> Any:
        return self.get(f"{ACTIVITY}/activity/{activity}/exec/{batch}?timeout={timeout}", status)

    def execute(self, activity: str, *commands: Any) -> Any:
        return self.results(activity, self.send(activity, *commands))

    def shell(self, activity: str, script: str) -> Any:
        """The result of a command."""
        (found,) = self.execute(activity, run("/bin/sh", "-c", script))
        return found

    def terminate(self, agreement: str) -> None:
        self.post(f"{MARKET}/agreements/{agreement}/terminate", {"message": "done"})

    def invoice(self) -> Any:
        """The last invoice."""
        *_, event = [one for one in self.get(f"{PAYMENT}/invoiceEvents") if one["eventType"] == "InvoiceReceivedEvent"]
        return self.get(f"{PAYMENT}/invoices/{event['invoiceId']}")

    def fault(self, **fault: Any) -> None:
        self.post("/_devnet/faults", fault)


def run(*argv: str) -> dict[str, Any]:
    """A command whose output is wanted."""
    capture = {"stdout": {"stream": {}}, "stderr": {"stream": {}}}
    return {"run": {"entry_point": argv[0], "args": list(argv[1:]), "capture": capture}}


def transfer(source: str, target: str) -> dict[str, Any]:
    return {"transfer": {"from": source, "to": target}}


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
