"""What runs leave and read: call logs, receipts, approvals, locks; and who holds a lock."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sovrgit.lockfile import Lock
from sovrgit.objects.codec import decode, encode
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.remotes.firstcli.archive import unpack
from sovrgit.remotes.firstcli.members import Limits
from sovrgit.runs import trust
from sovrgit.runs.golem.calls.record import read_calls
from sovrgit.runs.golem.gateway.recovery import told_by
from sovrgit.runs.golem.receipts import receipts_from
from sovrgit.runs.golem.trouble import refusal_in
from sovrgit.store.processes import Holder
from sovrgit.ui.console import Console
from sovrgit.ui.golemview import agreement_lines, golem_document, receipt_lines, receipts_document, totals

MARKET, PAYMENT, ACTIVITY = "/market-api/v1", "/payment-api/v1", "/activity-api/v1"
VECTOR = {"golem.com.usage.vector": ["golem.usage.duration_sec", "golem.usage.cpu_sec"]}
OFFER = {"golem.node.id.name": "ada", "golem.runtime.name": "vm", "golem.inf.cpu.threads": 4, **VECTOR}
OFFER |= {"golem.com.pricing.model": "linear", "golem.com.pricing.model.linear.coeffs": [0.0001, 0.0002, 0]}
SECOND = 10**9
START = 1_700_000_000 * SECOND


def calls() -> bytes:
    """A call log from the beginning to the end of a run."""
    lines: list[dict[str, Any]] = [
        {"golem-calls": 1, "at": START, "platforms": ["erc20-hoodi-tglm"], "budget": "1", "seconds": 60, "subnet": "x"}
    ]

    def call(method: str, path: str, answer: Any, request: Any = None, status: int = 200) -> None:
        at = START + len(lines) * SECOND
        line = {"call": len(lines), "at": at, "ms": 5, "method": method, "path": path, "status": status}
        lines.append({**line, "request": request, "answer": answer})

    platform = {"paymentPlatform": "erc20-hoodi-tglm", "totalAmount": "1", "allocationId": "al"}
    call("POST", f"{PAYMENT}/allocations", platform, platform)
    call("POST", f"{MARKET}/demands", "de", {"properties": {"golem.srv.comp.expiration": 5}, "constraints": "(a=b)"})
    proposal = {"proposalId": "pr", "issuerId": "0xa", "properties": OFFER, "state": "Initial"}
    call("GET", f"{MARKET}/demands/de/events?timeout=5", [{"eventType": "ProposalEvent", "proposal": proposal}])
    call("POST", f"{MARKET}/agreements", "ag", {"proposalId": "pr", "validTo": "2030-01-01T00:00:00Z"})
    call("POST", f"{MARKET}/agreements/ag/confirm", None, status=204)
    call("POST", f"{MARKET}/agreements/ag/wait", "Approved")
    offer = {"providerId": "0xa", "properties": OFFER}
    told = {"agreementId": "ag", "state": "Approved", "approvedDate": "2023-11-14T22:13:20Z", "offer": offer}
    call("GET", f"{MARKET}/agreements/ag", told)
    call("POST", f"{ACTIVITY}/activity", {"activityId": "ac"}, {"agreementId": "ag"})
    run = {"run": {"entry_point": "/bin/sh", "args": ["-c", "echo one"]}}
    call("POST", f"{ACTIVITY}/activity/ac/exec", "ba", {"text": json.dumps([{"deploy": {}}, {"start": {}}, run])})
    lines.append(
        {"call": 20, "at": START, "path": f"{ACTIVITY}/activity/ac/exec/ba", "event": {"index": 0, "kind": {}}}
    )
    done = [{"index": 0, "result": "Ok"}, {"index": 1, "result": "Error", "message": "no", "stdout": "x"}]
    call("GET", f"{ACTIVITY}/activity/ac/exec/ba?timeout=5", done)
    call("GET", f"{ACTIVITY}/activity/ac/usage", {"currentUsage": [5.5, 3.25], "timestamp": 5})
    call("GET", f"{ACTIVITY}/activity/ac/state", {"state": ["Ready", None]})
    note = {"debitNoteId": "no", "activityId": "ac", "agreementId": "ag", "totalAmountDue": "0.1", "status": "RECEIVED"}
    call("GET", f"{PAYMENT}/debitNotes", [{**note, "usageCounterVector": [6, 4], "timestamp": "2023-11-14T22:13:25Z"}])
    bill = {"invoiceId": "in", "agreementId": "ag", "amount": "0.2", "status": "RECEIVED", "activityIds": ["ac"]}
    call("GET", f"{PAYMENT}/invoices/in", bill)
    call("POST", f"{PAYMENT}/invoices/in/accept", None, {"totalAmountAccepted": "0.2", "allocationId": "al"})
    call("DELETE", f"{ACTIVITY}/activity/ac", None)
    call("POST", f"{MARKET}/agreements/ag/terminate", None, {"message": "no longer needed"})
    lines.append({"call": 30, "at": START, "settled": True})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def tars() -> list[bytes]:
    """Archives as the first command line made them, plain and compressed."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder = tarfile.TarInfo("pod/payload")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        file = tarfile.TarInfo("pod/payload/" + "é" * 90)
        file.size = 300
        archive.addfile(file, io.BytesIO(b"x" * 300))
        link = tarfile.TarInfo("pod/link")
        link.type, link.linkname = tarfile.SYMTYPE, "payload"
        archive.addfile(link)
    return [whole.getvalue(), gzip.compress(whole.getvalue(), mtime=0)]


def run_checks(folder: Path) -> dict[str, tuple[list[bytes], Callable[[bytes], object]]]:
    """For each target its seeds and its check."""
    pod = Pod.create(folder / "approving")
    file = ObjectId(bytes(range(32)))
    trust.approve(pod, file, [file])
    log = folder / "calls"
    log.write_bytes(calls())
    receipts = {"network": "hoodi", "platform": "erc20-hoodi-tglm", "emulated": False, **receipts_from(log)}
    assert receipts["agreements"] and receipts["cost"], "the call log tells no story any more"

    def unpacking(data: bytes) -> None:
        (folder / "tar").write_bytes(data)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            unpack(folder / "tar", Path(place) / "new", limits=Limits(entries=100, size=1 << 20))

    def approvals(data: bytes) -> None:
        (pod.folder / "trusted").write_bytes(data)
        trust.approve(pod, file)

    def call_log(data: bytes) -> None:
        log.write_bytes(data)
        list(read_calls(log))
        told_by(log)
        refusal_in(log)
        made = receipts_from(log)
        assert decode(encode({"golem": made}, kind=Kind.RUN), kind=Kind.RUN)["golem"] == made

    def shown(data: bytes) -> None:
        golem = decode(data, kind=Kind.RUN)
        out = io.StringIO()
        console = Console(out, out, verbosity=1)
        for _ in (*receipt_lines(console, golem), *agreement_lines(console, golem)):
            pass
        json.dumps([golem_document(golem), receipts_document(golem)])
        for total in totals([golem, golem]):
            total.text()
            json.dumps(total.document())

    def recipe_lock(data: bytes) -> None:
        lock = Lock.parse(data)
        again = Lock.parse(lock.encode())
        assert again.images == lock.images and set(again.payload) == set(lock.payload)

    def holder(data: bytes) -> None:
        found = Holder.read(data)
        if found is not None:
            assert Holder.read(found.encode()) == found and str(found)

    image = {"golem/alpine:latest": {"sha3_224": "3" * 56, "url": "https://example.org/images/3"}}
    payload = {"../data": {"a/b.zip": {"commit": "1" * 64, "id": "2" * 64, "kind": "file"}}}
    return {
        "tar archive": (tars(), unpacking),
        "approvals": ([(pod.folder / "trusted").read_bytes()], approvals),
        "call log": ([log.read_bytes()], call_log),
        "receipts": ([bytes(encode(receipts, kind=Kind.RUN))], shown),
        "recipe lock": ([json.dumps({"images": image, "payload": payload, "version": 1}).encode()], recipe_lock),
        "lock holder": ([Holder(12, "boot 345", "0" * 16, 5).encode()], holder),
    }
