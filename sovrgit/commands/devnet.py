"""`sovr devnet`: stand-ins on this machine, to try everything without a network."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.devnetview import DEFAULT_GOLEM_PORT, DEFAULT_PORT, DevnetView, GolemShown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sovrgit.devnet.background import Background, Running
    from sovrgit.devnet.fairos.faults import Fault
    from sovrgit.devnet.golem.faults import Fault as GolemFault


class _Devnet(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


def _faults(ctx: click.Context, param: click.Parameter, specs: tuple[str, ...]) -> tuple[Fault | GolemFault, ...]:
    """The faults that were typed."""
    try:
        return tuple(_fault(spec) for spec in specs)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _fault(spec: str) -> Fault | GolemFault:
    """A fault of either stand-in: no kind is one of both.

    Raises:
        ValueError: saying what is wrong.
    """
    from sovrgit.devnet.fairos.faults import Fault, Kind
    from sovrgit.devnet.golem.faults import Fault as GolemFault
    from sovrgit.devnet.golem.faults import Kind as GolemKind

    kind = json.loads(spec).get("kind") if spec.startswith("{") else spec.partition(",")[0].strip()
    if kind in list(GolemKind):
        return GolemFault.parse(spec)
    if kind not in list(Kind):
        raise ValueError(f"no such fault: `{kind}`; there are {', '.join(Kind)}; for Golem {', '.join(GolemKind)}")
    return Fault.parse(spec)


def _images(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    """The images that were typed."""
    found: dict[str, Path] = {}
    for text in given:
        name, mark, path = text.partition("=")
        if not (name and mark and path):
            raise click.BadParameter(f"`{text}` is not like HASH=PATH or TAG=PATH", ctx, param)
        found[name] = Path(path)
    return found


@click.group("devnet", cls=_Devnet, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Run stand-ins for a FairOS server and for Golem on this machine: no network, no account, no money."""
    return _status(ctx.ensure_object(App)) if ctx.invoked_subcommand is None else None


@command.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 for any that is free."
)
@click.option(
    "--golem-port",
    type=click.IntRange(0, 65535),
    help=f"That of the one for Golem; if not given, {DEFAULT_GOLEM_PORT}, or any that is free if --port is given.",
)
@click.option("--providers", type=click.IntRange(1, 64), default=4, show_default=True, help="How many Golem has.")
@click.option(
    "--image",
    "images",
    metavar="NAME=PATH",
    multiple=True,
    callback=_images,
    help="What the image with this hash or tag is: a folder, or a GVMI file.",
)
@click.option("--folder", metavar="DIR", help="Keep the data of FairOS in DIR instead of the user's state folder.")
@click.option(
    "--latency", metavar="MS", type=click.FloatRange(0), default=0, help="Let every FairOS call wait so long."
)
@click.option("--fault", "faults", metavar="SPEC", multiple=True, callback=_faults, help="Let something go wrong.")
@click.option("--foreground", is_flag=True, help="Serve until interrupted, and tell of every call with -v.")
@click.pass_obj
def start(
    app: App,
    port: int,
    golem_port: int | None,
    providers: int,
    images: dict[str, Path],
    folder: str | None,
    latency: float,
    faults: tuple[Fault | GolemFault, ...],
    foreground: bool,
) -> int | None:
    """Start the stand-ins. They serve this machine only, until they are stopped; their data stays.

    A fault is written KIND[,NAME=VALUE...], such as `short-body,call=/public-file,times=3,amount=10` for FairOS, or
    `crash,provider=devnet-1` for Golem.
    """
    place = app.folder / folder if folder is not None else _state_folder() / "fairos"
    if golem_port is None:
        golem_port = DEFAULT_GOLEM_PORT if port == DEFAULT_PORT else 0
    images = {name: app.folder / path for name, path in images.items()}
    background = _background()
    if foreground:
        return _serve(app, background, port, golem_port, providers, images, place, latency, faults)
    argv = [sys.executable, "-m", "sovrgit", "--json", "-v", "devnet", "start", "--foreground"]
    argv += ["--port", str(port), "--folder", str(place), "--latency", str(latency)]
    argv += ["--golem-port", str(golem_port), "--providers", str(providers)]
    argv += [f"--image={name}={path}" for name, path in images.items()]
    argv += [f"--fault={fault.spec()}" for fault in faults]
    running = background.start(argv)
    app.show(DevnetView(running, str(background.log), golem=_golem_shown(golem_background().find())))
    return None


@command.command()
@click.pass_obj
def status(app: App) -> int:
    """Tell whether the stand-ins are running, and where. The exit code is 1 if they are not."""
    return _status(app)


@command.command()
@click.pass_obj
def stop(app: App) -> int:
    """End the stand-ins, and wait until they have ended. The exit code is 1 if they were not running."""
    background, golem = _background(), golem_background()
    about = golem.find()
    stopped = background.stop()
    # They are one process.
    golem.stop()
    app.show(DevnetView(None, str(background.log), stopped, _golem_shown(None, about)))
    return 0 if stopped else 1


def _status(app: App) -> int:
    background = _background()
    running = background.find()
    app.show(DevnetView(running, str(background.log), golem=_golem_shown(golem_background().find())))
    return 0 if running else 1


def _serve(
    app: App,
    background: Background,
    port: int,
    golem_port: int,
    providers: int,
    images: Mapping[str, Path],
    folder: Path,
    latency: float,
    faults: tuple[Fault | GolemFault, ...],
) -> int:
    """Serve in this process until it is told to end."""
    from sovrgit.devnet.fairos import Fault, StandIn
    from sovrgit.devnet.golem import Fault as GolemFault
    from sovrgit.devnet.golem import GolemStandIn

    background.refuse_another()
    ended = threading.Event()

    def tell(line: str) -> None:
        app.console.err.write(f"{line}\n")
        app.console.err.flush()

    log = tell if app.options.verbosity > 0 else None
    storing = [fault for fault in faults if isinstance(fault, Fault)]
    computing = [fault for fault in faults if isinstance(fault, GolemFault)]
    computer, golem_folder = golem_background(), _state_folder() / "golem"
    with (
        StandIn(folder, port=port, latency=latency / 1000, faults=storing, log=log) as standin,
        GolemStandIn(
            golem_folder, port=golem_port, providers=providers, faults=computing, images=images, log=log
        ) as golem,
    ):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        started = int(time.time())
        try:
            # In this order: whoever waits for the start waits for the record of the second one.
            beside = computer.record(golem.port, golem.url, golem_folder, started)
            running = background.record(standin.port, standin.url, folder, started)
            app.show(DevnetView(running, golem=_golem_shown(beside)))
            app.flush()
            ended.wait()
        finally:
            background.forget()
            computer.forget()
    return 0


def _background() -> Background:
    from sovrgit.devnet.background import Background
    from sovrgit.store.processes import birth_of

    return Background(_state_folder() / "fairos.json", birth_of)


def golem_background() -> Background:
    """What knows of the stand-in for Golem that runs."""
    from sovrgit.devnet.background import Background
    from sovrgit.store.processes import birth_of

    return Background(_state_folder() / "golem.json", birth_of)


def _golem_shown(running: Running | None, stopped: Running | None = None) -> GolemShown:
    """What is shown of the Golem stand-in."""
    found = running or stopped
    if found is None:
        return GolemShown(None)
    from sovrgit.devnet.golem.home import about

    said = about(Path(found.folder))
    return GolemShown(
        running,
        stopped,
        environment=str(Path(found.folder) / "env"),
        sandbox=said.get("sandbox"),
        reason=said.get("reason"),
        providers=said.get("providers"),
        images=tuple((str(image["name"]), str(image["sha3"]), str(image["path"])) for image in said.get("images", ())),
    )


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("sovr") / "devnet"
