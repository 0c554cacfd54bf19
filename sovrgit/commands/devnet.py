"""`sovr devnet`: stand-ins on this machine, to try everything without a network."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App, SovrCommand, global_options
from sovrgit.ui.devnetview import DEFAULT_PORT, DevnetView

if TYPE_CHECKING:
    from sovrgit.devnet.background import Background
    from sovrgit.devnet.fairos.faults import Fault


class _Devnet(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


def _faults(ctx: click.Context, param: click.Parameter, specs: tuple[str, ...]) -> tuple[Fault, ...]:
    """The faults that were typed."""
    if not specs:
        return ()
    from sovrgit.devnet.fairos.faults import Fault

    try:
        return tuple(Fault.parse(spec) for spec in specs)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.group("devnet", cls=_Devnet, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Run a stand-in for a FairOS server on this machine: no network, no account, no money."""
    return _status(ctx.ensure_object(App)) if ctx.invoked_subcommand is None else None


@command.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 for any that is free."
)
@click.option("--folder", metavar="DIR", help="Keep the data in DIR instead of the user's state folder.")
@click.option("--latency", metavar="MS", type=click.FloatRange(0), default=0, help="Let every call wait so long.")
@click.option("--fault", "faults", metavar="SPEC", multiple=True, callback=_faults, help="Let something go wrong.")
@click.option("--foreground", is_flag=True, help="Serve until interrupted, and tell of every call with -v.")
@click.pass_obj
def start(
    app: App, port: int, folder: str | None, latency: float, faults: tuple[Fault, ...], foreground: bool
) -> int | None:
    """Start the stand-in. It serves this machine only, until it is stopped; its data stays.

    A fault is written KIND[,NAME=VALUE...], such as `short-body,call=/public-file,times=3,amount=10`.
    """
    place = app.folder / folder if folder is not None else _state_folder() / "fairos"
    background = _background()
    if foreground:
        return _serve(app, background, port, place, latency, faults)
    argv = [sys.executable, "-m", "sovrgit", "--json", "-v", "devnet", "start", "--foreground"]
    argv += ["--port", str(port), "--folder", str(place), "--latency", str(latency)]
    argv += [f"--fault={fault.spec()}" for fault in faults]
    app.show(DevnetView(background.start(argv), str(background.log)))
    return None


@command.command()
@click.pass_obj
def status(app: App) -> int:
    """Tell whether the stand-in is running, and where. The exit code is 1 if it is not."""
    return _status(app)


@command.command()
@click.pass_obj
def stop(app: App) -> int:
    """End the stand-in, and wait until it has ended. The exit code is 1 if it was not running."""
    background = _background()
    stopped = background.stop()
    app.show(DevnetView(None, str(background.log), stopped))
    return 0 if stopped else 1


def _status(app: App) -> int:
    background = _background()
    running = background.find()
    app.show(DevnetView(running, str(background.log)))
    return 0 if running else 1


def _serve(app: App, background: Background, port: int, folder: Path, latency: float, faults: tuple[Fault, ...]) -> int:
    """Serve in this process until it is told to end."""
    from sovrgit.devnet.fairos import StandIn

    ended = threading.Event()

    def tell(line: str) -> None:
        app.console.err.write(f"{line}\n")
        app.console.err.flush()

    log = tell if app.options.verbosity > 0 else None
    with StandIn(folder, port=port, latency=latency / 1000, faults=faults, log=log) as standin:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        running = background.record(standin.port, standin.url, folder, int(time.time()))
        try:
            app.show(DevnetView(running))
            app.flush()
            ended.wait()
        finally:
            background.forget()
    return 0


def _background() -> Background:
    from sovrgit.devnet.background import Background
    from sovrgit.runs.orphan import birth_of

    return Background(_state_folder() / "fairos.json", birth_of)


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("sovr") / "devnet"
