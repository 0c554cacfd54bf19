"""`sovr rerun`: repeat a run from its recorded inputs."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.placing import Placing, placing_options


@sovr_command("rerun")
@click.argument("run")
@click.option("--keep", type=click.Path(path_type=Path), metavar="FOLDER", help="Leave the folder it ran in here.")
@placing_options
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End it after this.")
@click.option("--keep-env", multiple=True, metavar="NAME", help="Pass this environment variable on, and record it.")
def command(
    app: App, run: str, keep: Path | None, placing: Placing, timeout: float | None, keep_env: tuple[str, ...]
) -> int:
    """Repeat RUN (an id, or a revision that a run made) from its recorded inputs, in a clean place.

    The files of this pod are not touched. `sovr verify` also compares the outputs.
    """
    from sovrgit.commands.placing import place
    from sovrgit.commands.repeating import approve_recorded
    from sovrgit.commands.running import end_of, live, request_for
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.runs.repeat import rerun
    from sovrgit.ui.repeatview import RepeatedView

    identity = resolve_run(app.pod, run)
    request = request_for(app, timeout=timeout, keep=keep_env)
    request = approve_recorded(app, identity, request)
    kept = app.folder / keep if keep is not None else None
    executor = place(app, placing, timeout=timeout, recorded=app.pod.store.run(identity))[0]
    with live(app, executor) as (sink, _, cancel):
        repeated = rerun(app.pod, identity, executor, request, sink, cancel, keep=kept)
    app.show(RepeatedView(repeated, identity))
    return end_of(repeated.id, repeated.run)
