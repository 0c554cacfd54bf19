"""The receipts of a run on the devnet, in the form in which the gateway writes them."""

from __future__ import annotations

from typing import Any

START = 1_764_170_000_000_000_000
SECOND = 10**9
ADA, BOB = "0x" + "a" * 40, "0x" + "b" * 40


def command(kind: str, words: str, result: str = "Ok", message: str = "") -> dict[str, Any]:
    found = {"batch": 0, "kind": kind, "words": words, "result": result, "message": message, "at": START + 5 * SECOND}
    return {name: value for name, value in found.items() if value != ""}


def agreement(provider: str, name: str, *commands: dict[str, Any], status: str = "ACCEPTED") -> dict[str, Any]:
    return {
        "id": f"agreement-of-{name}",
        "provider": {"id": provider, "name": name},
        "price": {"start": "0", "hour": "0.36", "cpu_hour": "0.72"},
        "offer": {"golem.runtime.name": "vm", "golem.inf.cpu.threads": "4"},
        "state": "Terminated",
        "approved": START,
        "ended": START + 12 * SECOND,
        "reason": "no longer needed",
        "activities": [
            {
                "id": f"activity-of-{name}",
                "created": START + SECOND,
                "destroyed": START + 11 * SECOND,
                "usage": {"seconds": "10.5", "cpu_seconds": "8"},
                "commands": list(commands),
            }
        ],
        "debit_notes": [{"id": "note-1", "amount": "0.001", "status": "RECEIVED", "at": START + 11 * SECOND}],
        "invoices": [{"id": f"invoice-of-{name}", "amount": "0.0025", "status": status, "at": START + 12 * SECOND}],
    }


def receipts(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "declared",
        "emulated": True,
        "network": "hoodi",
        "platform": "erc20-hoodi-tglm",
        "subnet": "public",
        "requestor": "0x" + "c" * 40,
        "daemon": "0.17.6",
        "sdk": {"yapapi": "0.13.1"},
        "sandbox": "namespaces",
        "image": {"requested": "golem/alpine:latest", "hash": "3" * 56, "url": "http://registry.example/images/3"},
        "allocations": [{"id": "allocation-1", "total": "1", "spent": "0.0025", "released": True}],
        "agreements": [
            agreement(ADA, "ada", command("deploy", ""), command("run", "/bin/sh -c 'echo one'")),
            agreement(BOB, "bob", command("run", "false", "Error", "exit code 1"), status="RECEIVED"),
            {"id": "never", "provider": {"id": "0xd", "name": "dan"}, "state": "Rejected"},
        ],
        "cost": {"accepted": "0.0025", "unpaid": "0.0025", "token": "tglm"},
        "tasks": [
            {"id": "1", "data": "a.jpg", "attempts": [{"provider": BOB, "result": "failed"}, {"result": "accepted"}]},
            {"id": "2", "data": "b.jpg", "attempts": [{"provider": BOB, "result": "failed"}]},
        ],
        "files": [{"path": "payload/a.jpg", "direction": "in", "sha3_256": "0" * 64, "size": 3}],
        "calls": "logs/golem-calls.jsonl",
        **changes,
    }
