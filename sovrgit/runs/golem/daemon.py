"""Which Golem daemon a run uses, and whether it can: the real one, a devnet that runs, or a devnet of the run's own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sovrgit.errors import (
    DevnetFailed,
    GolemKeyRefused,
    GolemNetworkWrong,
    GolemTooOld,
    GolemUnavailable,
    GolemWithoutFunds,
)
from sovrgit.remotes.tls import tls_context
from sovrgit.runs.golem.limits import NETWORKS, plain, platform_of
from sovrgit.store.files import temporary_name

DEFAULT_URL = "http://127.0.0.1:7465"
"""Where yagna listens if nobody says otherwise."""

OLDEST = (0, 17, 4)
"""The first version that knows `hoodi`, the test network that is left."""

_SECONDS = 10.0
"""For an answer of the daemon, which is on this machine."""

_MOST = 1 << 20
_KEY = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True, repr=False)
class Daemon:
    """A daemon that can be used.

    Attributes:
        url: its address, without a slash at the end.
        app_key: its own key, which is secret. Scripts do not get it.
        emulated: whether it is a devnet.
        gftp: its program that moves files.
        variables: what scripts need besides, such as where images are looked up.
        sandbox: what a devnet keeps commands apart with.
        requestor: the address that pays.
    """

    url: str
    app_key: str
    version: str
    requestor: str
    emulated: bool
    gftp: Path | None
    variables: Mapping[str, str] = field(default_factory=dict)
    sandbox: str = ""


def real_daemon(environ: Mapping[str, str], network: str, budget: Decimal) -> Daemon:
    """The user's own daemon, where YAGNA_API_URL says, with what a run on a network needs.

    Raises:
        GolemUnavailable: if none answers, or something else does, or there is no `gftp`.
        GolemKeyRefused: if there is no app-key, or another one.
        GolemTooOld, GolemNetworkWrong, GolemWithoutFunds: as the name says.
    """
    url = (environ.get("YAGNA_API_URL") or DEFAULT_URL).rstrip("/")
    key = environ.get("YAGNA_APPKEY") or ""
    if not _KEY.fullmatch(key):
        raise GolemKeyRefused(url=url, reason="YAGNA_APPKEY has characters that no key has")
    with _Client(url, key) as client:
        version = client.version()
        if not key:
            raise GolemKeyRefused(url=url, reason="YAGNA_APPKEY is not set")
        requestor = client.me()
        client.check_network(network)
        client.check_funds(network, budget)
    gftp = shutil.which("gftp", path=environ.get("PATH", os.defpath))
    if gftp is None:
        raise GolemUnavailable(
            url=url,
            reason="the program `gftp`, which moves the files, is not on PATH",
            hint="it comes with yagna's own releases; put its folder on PATH",
        )
    return Daemon(url, key, version, requestor, emulated=False, gftp=Path(gftp))


def running_devnet(url: str, folder: Path) -> Daemon:
    """The devnet that `sovr devnet start` has started, which keeps what scripts need in a folder.

    Raises:
        GolemUnavailable: if it does not answer.
    """
    from sovrgit.devnet.golem.home import about

    try:
        identity = json.loads((folder / "identity.json").read_bytes())
        key, requestor = str(identity["appKey"]), str(identity["nodeId"])
    except (OSError, ValueError, KeyError, TypeError):
        reason = f"`{folder}` does not say how to reach the devnet"
        raise GolemUnavailable(url=url, reason=reason, hint="`sovr devnet stop`, then run again") from None
    with _Client(url, key) as client:
        version = client.version()
    variables = {"SOVR_GOLEM_REGISTRY": url}
    sandbox = str(about(folder).get("sandbox", ""))
    return Daemon(url, key, version, requestor, True, folder / "bin" / "gftp", variables, sandbox)


@contextlib.contextmanager
def own_devnet(scratch: Path, images: Mapping[str, Path]) -> Iterator[Daemon]:
    """A devnet of this run's own, in this process, on a free port.

    Args:
        scratch: where its folder is made, which goes when the run has ended.
        images: folders and files by the images that they stand for.

    Raises:
        DevnetFailed, ReadOnly, StorageFull, StorageFailure: if it cannot be started.
    """
    from sovrgit.devnet.golem import GolemStandIn

    folder = temporary_name(scratch, "devnet")
    try:
        with GolemStandIn(folder, images=images) as standin:
            yield running_devnet(standin.url, standin.folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def images_in(pod: Path, images: Mapping[str, str]) -> dict[str, Path]:
    """The images that a recipe has for the devnet.

    Raises:
        DevnetFailed: if one of them is not there, or a link leads out of the pod.
    """
    found = {name: pod / path for name, path in images.items()}
    for name, path in found.items():
        if not path.resolve().is_relative_to(pod.resolve()):
            raise DevnetFailed(
                reason=f"`{images[name]}`, the image `{name}` of the recipe, leads out of the pod",
                hint="have the image in the pod itself, such as in its script folder",
            )
    return found


def knows_images(devnet: Path, images: Mapping[str, str]) -> bool:
    """Whether the devnet that keeps its data in a folder was started with images of these names."""
    from sovrgit.devnet.golem.home import about

    known = about(devnet).get("images", [])
    return set(images) <= {image["name"] for image in known}


class _Client:
    """Asks a daemon who and what it is."""

    def __init__(self, url: str, key: str) -> None:
        import httpx

        self._url = url
        # The daemon is on this machine or on one that the user named: no proxy has to know the key.
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            headers=headers, timeout=_SECONDS, trust_env=False, follow_redirects=False, verify=tls_context(url)
        )

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def version(self) -> str:
        """The daemon's version."""
        status, answer = self._get("/version/get")
        current = answer.get("current") if isinstance(answer, dict) else None
        version = current.get("version") if isinstance(current, dict) else None
        if status != 200 or not isinstance(version, str):
            raise GolemUnavailable(url=self._url, reason="what answers there is no Golem daemon")
        found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
        if found is None or tuple(int(part or 0) for part in found.groups()) < OLDEST:
            raise GolemTooOld(url=self._url, version=version[:64], needed=".".join(map(str, OLDEST)))
        return version[:64]

    def me(self) -> str:
        """The address of whoever the app-key belongs to."""
        status, answer = self._get("/me")
        if status in (401, 403):
            raise GolemKeyRefused(url=self._url, reason="it does not know the one in YAGNA_APPKEY")
        if status != 200 or not isinstance(answer, dict):
            raise GolemUnavailable(url=self._url, reason=f"it does not say who its owner is (HTTP {status})")
        return str(answer.get("identity", ""))

    def check_network(self, network: str) -> None:
        """Make sure that the account can pay on a network."""
        status, answer = self._get("/payment-api/v1/requestorAccounts")
        if status != 200 or not isinstance(answer, list):
            raise GolemNetworkWrong(url=self._url, network=network, reason=f"it lists no accounts (HTTP {status})")
        known = [one for one in answer if isinstance(one, dict) and one.get("send", True)]
        if all(one.get("platform") != platform_of(network) for one in known):
            there = ", ".join(sorted({str(one.get("network")) for one in known}))
            reason = f"its accounts are for {there}" if there else "it has no account that pays"
            raise GolemNetworkWrong(url=self._url, network=network, reason=reason)

    def check_funds(self, network: str, budget: Decimal) -> None:
        """Make sure that there is enough, as far as the daemon can tell.

        yagna 0.17 tells its balance to its own program only (404); then, as when no node of the network answers, it is
        the allocation that is refused.
        """
        import httpx

        try:
            status, answer = self._get("/payment-api/v1/status", network=network, driver="erc20")
            if status != 200 or not isinstance(answer, dict):
                return
            available = Decimal(str(answer["amount"])) - Decimal(str(answer["reserved"]))
        except (httpx.HTTPError, KeyError, InvalidOperation):
            return
        if available < budget:
            raise GolemWithoutFunds(
                available=plain(available), budget=plain(budget), token=NETWORKS[network], network=network
            )

    def _get(self, path: str, **query: str) -> tuple[int, Any]:
        import httpx

        try:
            with self._http.stream("GET", self._url + path, params=query) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST:
                        raise GolemUnavailable(url=self._url, reason="what answers there is no Golem daemon")
        except httpx.ConnectError:
            raise GolemUnavailable(url=self._url, reason="nothing listens there") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise GolemUnavailable(url=self._url, reason=str(error) or type(error).__name__) from None
        try:
            return answer.status_code, json.loads(body)
        except ValueError:
            return answer.status_code, None
