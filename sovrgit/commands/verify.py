"""`sovr verify`: repeat a run and compare."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.placing import Placing, placing_options


@sovr_command("verify")
@click.argument("run", default="HEAD")
@placing_options
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End it after this.")
@click.option("--keep-env", multiple=True, metavar="NAME", help="Pass this environment variable on, and record it.")
def command(app: App, run: str, placing: Placing, timeout: float | None, keep_env: tuple[str, ...]) -> int:
    """Repeat RUN (an id, or a revision that a run made) in a clean place, and compare the outputs file by file.

    The verdict is recorded and travels with the next push. Ends with 1 if the outputs differ.
    """
    from sovrgit.commands.placing import place
    from sovrgit.commands.repeating import approve_recorded
    from sovrgit.commands.running import live, request_for
    from sovrgit.objects.verdict import Finding
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.runs.repeat import verify
    from sovrgit.ui.repeatview import VerifiedView

    identity = resolve_run(app.pod, run)
    request = request_for(app, timeout=timeout, keep=keep_env)
    request = approve_recorded(app, identity, request)
    executor = place(app, placing, timeout=timeout, recorded=app.pod.store.run(identity))[0]
    with live(app, executor) as (sink, _, cancel):
        verified = verify(app.pod, identity, executor, request, sink, cancel)
    app.show(VerifiedView(verified))
    return 0 if verified.verdict.finding is Finding.IDENTICAL else 1
