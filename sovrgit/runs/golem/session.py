"""What a run on Golem has around it while it lasts: the daemon, the gateway before it, and what scripts find."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sovrgit.runs.golem.choice import Place, Spending
from sovrgit.runs.golem.daemon import Daemon, images_in, knows_images, own_devnet, real_daemon, running_devnet
from sovrgit.runs.golem.front.files import make_front
from sovrgit.runs.golem.interpreter import with_shim
from sovrgit.store.files import reporting, temporary_name


@dataclass(frozen=True, slots=True, repr=False)
class Around:
    """What of this machine a run on Golem needs to know.

    Attributes:
        environ: the user's environment, for the address of the daemon, its key, and `gftp`.
        scratch: a folder on the file system of the pod, for what goes when the run has ended.
        devnet: the address and the folder of the devnet that runs, or None.
        images: paths in the pod by the images that they stand for on the devnet.
    """

    environ: Mapping[str, str]
    scratch: Path
    devnet: Callable[[], tuple[str, Path] | None]
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """What is there while a run lasts."""

    daemon: Daemon
    environment: dict[str, str]
    folder: Path
    notes: Path
    events: Path


@contextlib.contextmanager
def found_daemon(place: Place, around: Around, network: str, budget: Decimal, pod: Path) -> Iterator[Daemon]:
    """The daemon of a run; a devnet of its own ends with the block.

    The devnet that runs is used, unless the recipe has images for it that it does not know.

    Args:
        pod: the folder that is run in, where the images of the recipe are.

    Raises:
        GolemUnavailable, GolemKeyRefused, GolemTooOld, GolemNetworkWrong, GolemWithoutFunds: as `real_daemon` says.
        DevnetFailed, ReadOnly, StorageFull, StorageFailure: if a devnet cannot be started.
    """
    if place == "golem":
        yield real_daemon(around.environ, network, budget)
        return
    running = around.devnet()
    if running is not None and knows_images(running[1], around.images):
        yield running_devnet(*running)
        return
    with own_devnet(around.scratch, images_in(pod, around.images)) as daemon:
        yield daemon


@contextlib.contextmanager
def opened(
    daemon: Daemon,
    around: Around,
    spending: Spending,
    environment: Mapping[str, str],
    python: Path | None,
    subnet: str,
) -> Iterator[Session]:
    """Everything that a requestor needs, in a folder that goes with the block.

    Args:
        environment: of the command, but for what is about Golem.
        python: the interpreter that `python3` shall be.
    """
    folder = temporary_name(around.scratch, "golem")
    with reporting(folder):
        folder.mkdir(parents=True, mode=0o700)
    try:
        notes = make_front(folder, daemon.gftp, python)
        events = folder / "events.jsonl"
        search = [os.fspath(folder / "bin")]
        if python is not None:
            search.append(os.fspath(python.parent))
        search.append(environment.get("PATH", os.defpath))
        made = {
            **with_shim(environment),
            "PATH": os.pathsep.join(search),
            "YAGNA_APPKEY": daemon.app_key,
            "YAGNA_API_URL": daemon.url,
            "YAGNA_PAYMENT_NETWORK": spending.network,
            "YAGNA_PAYMENT_DRIVER": "erc20",
            "YAGNA_SUBNET": subnet or "public",
            "SOVR_GOLEM_EVENTS": os.fspath(events),
            **daemon.variables,
        }
        yield Session(daemon, made, folder, notes, events)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
