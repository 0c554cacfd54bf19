"""What a run on Golem has around it while it lasts: the daemon, the gateway before it, and what scripts find.

All of it is in a folder of the pod's own, `.sovr/golem/NAME`:

session.json   which process made it, and where its daemon is, without any key
calls.jsonl    the call log: what was opened, so that it can be ended if this process is killed (`leftovers.py`)
events.jsonl   what the SDK tells
files.jsonl    which files were moved
bin/           what scripts find first on their PATH
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sovrgit.errors import GolemUnavailable
from sovrgit.runs.golem.choice import Place, Spending
from sovrgit.runs.golem.daemon import Daemon, images_in, knows_images, own_devnet, real_daemon, running_devnet
from sovrgit.runs.golem.front.files import make_front
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.interpreter import with_shim
from sovrgit.runs.golem.observed import Observed
from sovrgit.store.files import reporting, temporary_name, write_atomic
from sovrgit.store.processes import birth_of

NOTE = "session.json"
CALLS = "calls.jsonl"
EVENTS = "events.jsonl"
KEPT: Mapping[str, str] = {CALLS: "golem-calls.jsonl", EVENTS: "golem-events.jsonl"}
"""What is kept of a session in the log folder, and under which name."""


@dataclass(frozen=True, slots=True, repr=False)
class Around:
    """What of this machine a run on Golem needs to know.

    Attributes:
        environ: the user's environment, for the address of the daemon, its key, and `gftp`.
        folder: the pod's folder for sessions.
        devnet: finds the devnet that runs: its address and folder.
        images: paths in the pod by the images that they stand for on the devnet.
    """

    environ: Mapping[str, str]
    folder: Path
    devnet: Callable[[], tuple[str, Path] | None]
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class Session:
    """What is there while a run lasts. `left` is what could not be ended, in words: then the folder stays."""

    daemon: Daemon
    gateway: Gateway
    environment: dict[str, str]
    folder: Path
    left: tuple[str, ...] = ()

    @property
    def notes(self) -> Path:
        """What the front of `gftp` has noted."""
        return self.folder / "files.jsonl"

    @property
    def events(self) -> Path:
        """What the SDK has told."""
        return self.folder / EVENTS

    @property
    def calls(self) -> Path:
        """The call log."""
        return self.folder / CALLS

    def keep(self, log_folder: Path) -> None:
        """Put what is to be kept among the logs: over whatever a script has put there.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        with reporting(log_folder):
            for name, kept in KEPT.items():
                target = log_folder / kept
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
                if not (self.folder / name).exists():
                    target.unlink(missing_ok=True)
                    continue
                copy = temporary_name(self.folder, "kept")
                shutil.copyfile(self.folder / name, copy)
                os.replace(copy, target)


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
    running = around.devnet() if place == "devnet" else None
    if place == "golem":
        yield real_daemon(around.environ, network, budget)
    elif running is not None and knows_images(running[1], around.images):
        yield running_devnet(*running)
    else:
        with reporting(around.folder):
            around.folder.mkdir(exist_ok=True, mode=0o700)
        with own_devnet(around.folder, images_in(pod, around.images)) as daemon:
            yield daemon


@contextlib.contextmanager
def opened(
    daemon: Daemon,
    around: Around,
    spending: Spending,
    environment: Mapping[str, str],
    python: Path | None,
    subnet: str,
    tell: Callable[[Observed], None],
) -> Iterator[Session]:
    """Everything that a requestor needs. When the block ends, nothing listens any more.

    Args:
        environment: of the command, but for what is about Golem.
        python: the interpreter that `python3` shall be.
        subnet: the one in which demands are made, whatever the script says; its own if empty.
        tell: told what is observed, from other threads, one at a time.

    Raises:
        DevnetFailed: if there is no port for the gateway.
        GolemUnavailable: if address, key or subnet have a form that cannot be used.
        ReadOnly, StorageFull, StorageFailure: as the operating system reports.
    """
    folder = temporary_name(around.folder, "run")
    with reporting(folder):
        around.folder.mkdir(exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
        about = {"pid": os.getpid(), "birth": birth_of(os.getpid()), "url": daemon.url, "emulated": daemon.emulated}
        write_atomic(folder / NOTE, json.dumps(about).encode(), mode=0o600)
    left: tuple[str, ...] = ()  # for the run after this one, if this one is not ended in order
    try:
        make_front(folder, daemon.gftp, python)
        with _gateway(daemon, spending, folder / CALLS, tell, subnet) as gateway:
            search = [os.fspath(folder / "bin")]
            if python is not None:
                search.append(os.fspath(python.parent))
            search.append(environment.get("PATH", os.defpath))
            made = {
                **with_shim(environment),
                "PATH": os.pathsep.join(search),
                "YAGNA_APPKEY": gateway.key,
                "YAGNA_API_URL": gateway.url,
                "YAGNA_PAYMENT_NETWORK": spending.network,
                "YAGNA_PAYMENT_DRIVER": "erc20",
                "YAGNA_SUBNET": subnet or "public",
                "SOVR_GOLEM_EVENTS": os.fspath(folder / EVENTS),
                **daemon.variables,
            }
            session = Session(daemon, gateway, made, folder)
            left = ("the run did not get as far as that",)
            yield session
            left = session.left
    finally:
        # What is still open is ended by the next run, which finds it in the call log.
        if not left:
            shutil.rmtree(folder, ignore_errors=True)


def _gateway(daemon: Daemon, spending: Spending, calls: Path, tell: Callable[[Observed], None], subnet: str) -> Gateway:
    try:
        return Gateway(daemon.url, daemon.app_key, spending.limits, calls, tell, subnet=subnet or None)
    except ValueError as error:
        hint = "check YAGNA_API_URL, YAGNA_APPKEY, and the name of the subnet"
        raise GolemUnavailable(url=daemon.url, reason=str(error), hint=hint) from None
