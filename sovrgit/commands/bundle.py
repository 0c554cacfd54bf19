"""`sovr bundle`: a pod in one file."""

from __future__ import annotations

from typing import Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.bundleview import BundleView


class _Bundle(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


@click.group("bundle", cls=_Bundle)
def command() -> None:
    """Put a pod into one file, to be carried about, mailed or archived.

    `sovr clone FILE` and `sovr remote add NAME FILE` take it as they take any other place.
    """


@command.command()
@click.argument("file", type=click.Path())
@click.argument("branches", nargs=-1)
@click.option("--runs", "with_runs", is_flag=True, help="Also records of failed and repeated runs.")
@click.option("-f", "--force", is_flag=True, help="Replace FILE if it is there.")
@click.option(
    "--allow-secret", "allowed", metavar="PATH", multiple=True, help="A file that looks like a secret may be in it."
)
@click.pass_obj
def create(
    app: App, file: str, branches: tuple[str, ...], with_runs: bool, force: bool, allowed: tuple[str, ...]
) -> None:
    """Write BRANCHES, all if none is named, with tags and verdicts, into FILE.

    Whoever has the file can read everything in it.
    """
    from sovrgit.bundling import bundle_pod

    target = app.folder / file
    manifest = bundle_pod(
        app.pod,
        target,
        time_ns=app.now_ns(),
        branches=branches,
        with_runs=with_runs,
        replace=force,
        allowed=[app.in_pod(path) for path in allowed],
        progress=app.progress,
    )
    app.show(BundleView("created", str(target), manifest, target.stat().st_size))


@command.command()
@click.argument("file", type=click.Path())
@click.pass_obj
def verify(app: App, file: str) -> None:
    """Read FILE and compare all of it with its hashes. No pod is needed."""
    from sovrgit.remotes.bundle import verify_bundle

    manifest, size = verify_bundle(app.folder / file, app.progress)
    app.show(BundleView("verified", str(app.folder / file), manifest, size))
