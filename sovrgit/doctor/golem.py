"""Looks at the Golem daemon and what else runs on Golem need. Only questions are asked: nothing is opened or spent."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from sovrgit.doctor.finding import Finding, ok, problem, unknown
from sovrgit.errors import InterpreterUnfit
from sovrgit.objects.receipts import amount, mapping, maps, text
from sovrgit.remotes.tls import tls_context
from sovrgit.runs.golem.daemon import OLDEST
from sovrgit.runs.golem.interpreter import check_interpreter
from sovrgit.runs.golem.limits import NETWORKS, REAL_MONEY, plain, platform_of

DEVNET = "sovr devnet"
"""The name under which the devnet tells its version."""

_SECONDS = 10.0
_MOST = 4 << 20
_STALE = 6 * 3600.0
"""Seconds after which an allocation belongs to no run of `sovr`, which never asks for longer."""


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What is to be looked at.

    Attributes:
        url, app_key: those of the daemon; the key may be empty.
        network: that runs are to be paid on.
        subnet: that providers are looked for in.
        python: the interpreter for requestor scripts.
        environ: where `PATH` is taken from.
        now: seconds since 1970.
    """

    url: str
    app_key: str
    network: str
    subnet: str
    python: Path
    environ: Mapping[str, str]
    now: float


def examine_golem(wanted: Wanted, transport: httpx.BaseTransport | None = None) -> Iterator[Finding]:
    """Look at everything; what depends on something that is missing is told to be unknown.

    Args:
        transport: takes the place of the network, for tests of what goes wrong.
    """
    with httpx.Client(
        base_url=wanted.url,
        headers={"Authorization": f"Bearer {wanted.app_key}"} if wanted.app_key else {},
        timeout=_SECONDS,
        transport=transport,
        # The key is nothing for a proxy, and for nobody who is redirected to.
        trust_env=False,
        follow_redirects=False,
        verify=tls_context(wanted.url),
    ) as http:
        yield from _daemon(_asker(http), wanted)
    yield _gftp(wanted.environ)
    yield _interpreter(wanted)
    yield ok("subnet", f"{wanted.subnet}" + ("" if wanted.subnet == "public" else "; most providers are in `public`"))


_Ask = Callable[..., tuple[int, Any]]
"""Asks for a path: the status and what was said, status 0 and why if there was no answer."""


def _asker(http: httpx.Client) -> _Ask:
    def ask(path: str, **query: str) -> tuple[int, Any]:
        try:
            with http.stream("GET", path, params=query) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST:
                        return 0, "the answer is far too long"
        except httpx.ConnectError:
            return 0, "nothing listens there"
        except httpx.TimeoutException:
            return 0, f"no answer within {_SECONDS:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            return 0, "what answers there does not speak HTTP"
        try:
            return answer.status_code, json.loads(body)
        except (ValueError, RecursionError):
            return answer.status_code, None

    return ask


def _daemon(ask: _Ask, wanted: Wanted) -> Iterator[Finding]:
    status, said = ask("/version/get")
    current = mapping(mapping(said).get("current"))
    version = text(current.get("version"))[:64]
    start = "`yagna service run` starts it; to try without one, `sovr run --on devnet`"
    if status != 200 or not version:
        reason = text(said) if status == 0 else "what answers there is no Golem daemon"
        yield problem("daemon", f"{wanted.url}: {reason}", start)
        for what in ("version", "app-key", "network", "balance", "allocations"):
            yield unknown(what, "the daemon does not answer")
        return
    emulated = text(current.get("name")) == DEVNET
    yield ok("daemon", wanted.url + (", the devnet: nothing is paid" if emulated else ""))
    yield _version(version)
    key = _key(ask, wanted)
    yield key
    if key.state != "ok":
        for what in ("network", "balance", "allocations"):
            yield unknown(what, "the daemon tells nothing without an app-key")
        return
    yield from _money(ask, wanted.network)
    yield _allocations(ask, wanted.now)


def _version(version: str) -> Finding:
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    needed = ".".join(map(str, OLDEST))
    if numbers is None or tuple(int(part or 0) for part in numbers.groups()) < OLDEST:
        return problem(
            "version", f"{version}; {needed} is the oldest that knows today's networks", "install a newer yagna"
        )
    return ok("version", version)


def _key(ask: _Ask, wanted: Wanted) -> Finding:
    make = "`yagna app-key create sovr` makes one; set YAGNA_APPKEY to it"
    if not wanted.app_key:
        return problem("app-key", "YAGNA_APPKEY is not set", make)
    status, said = ask("/me")
    identity = text(mapping(said).get("identity"))
    if status == 200 and identity:
        return ok("app-key", f"of {identity}")
    if status in (401, 403):
        return problem("app-key", "the daemon does not know the one in YAGNA_APPKEY", make)
    return problem("app-key", f"the daemon does not say whose it is ({status})", "`yagna app-key list` shows them")


def _money(ask: _Ask, network: str) -> Iterator[Finding]:
    if network not in NETWORKS:
        yield problem("network", f"there is no `{network}`", f"name one of {', '.join(NETWORKS)}")
        yield unknown("balance", "no network is known")
        return
    platform, token = platform_of(network), NETWORKS[network]
    status, said = ask("/payment-api/v1/requestorAccounts")
    accounts = [text(one.get("platform")) for one in maps(said)]
    if status == 200 and platform in accounts:
        yield ok(
            "network", f"{network}, paid in {token}" + ("" if network in REAL_MONEY else ", which is worth nothing")
        )
    else:
        yield problem(
            "network",
            f"the account cannot pay on {network}" + (f", only on {', '.join(accounts)}" if accounts else ""),
            f"`yagna payment init --sender --network {network}`",
        )
    fund = f"`yagna payment fund --network {network}`"
    if network in REAL_MONEY:
        fund = f"send GLM to the account; `yagna payment status --network {network}` shows it"
    status, said = ask("/payment-api/v1/status", network=network, driver="erc20")
    show = f"`yagna payment status --network {network}`"
    if status == 404:
        # yagna 0.17 has no such call: the devnet answers it, and so may those that come.
        yield Finding("balance", "unknown", "this daemon tells it to its own program only", show)
        return
    total, reserved = (amount(mapping(said).get(name)) for name in ("amount", "reserved"))
    if status != 200 or total is None:
        yield problem("balance", f"the daemon cannot tell ({text(said) or status})", show)
        return
    left = max(total - (reserved or Decimal(0)), Decimal(0))
    detail = f"{plain(left)} {token}" + (f", {plain(reserved)} more are reserved" if reserved else "")
    yield ok("balance", detail) if left else problem("balance", detail, fund)


def _allocations(ask: _Ask, now: float) -> Finding:
    status, said = ask("/payment-api/v1/allocations")
    if status != 200 or not isinstance(said, list):
        return problem(
            "allocations", f"the daemon does not list them ({status})", "`yagna payment release-allocations`"
        )
    stale = [one for one in maps(said) if _is_stale(one, now)]
    if stale:
        held = sum((amount(one.get("remainingAmount")) or Decimal(0) for one in stale), Decimal(0))
        return problem(
            "allocations",
            f"{len(stale)} of {len(said)} are stale and hold {plain(held)}",
            "`yagna payment release-allocations`, when no script of yours is running",
        )
    return ok("allocations", f"{len(said)} open, none stale" if said else "none open")


def _is_stale(allocation: Mapping[str, Any], now: float) -> bool:
    """Old, or made for longer than any run of ours: then a script has left it behind, or has not ended yet."""
    made, ends = _seconds(allocation.get("timestamp")), _seconds(allocation.get("timeout"))
    return (made is not None and now - made > _STALE) or ends is None or ends - now > _STALE


def _seconds(given: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(text(given))
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _gftp(environ: Mapping[str, str]) -> Finding:
    found = shutil.which("gftp", path=environ.get("PATH", os.defpath))
    if found is None:
        return problem(
            "gftp",
            "it is not on PATH; no file goes to or comes from a provider",
            "put its folder, with yagna's release, on PATH",
        )
    return ok("gftp", found)


def _interpreter(wanted: Wanted) -> Finding:
    try:
        found = check_interpreter(wanted.python, wanted.environ)
    except InterpreterUnfit as error:
        return problem("yapapi", error.message, error.hint)
    return ok("yapapi", f"{found.packages['yapapi']} on Python {found.python}, {wanted.python}")
