"""`sovr verify`: repeat a run and compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.placing import Placing, placing_options

if TYPE_CHECKING:
    from sovrgit.commands.running import Screen
    from sovrgit.objects.ids import ObjectId
    from sovrgit.runs.verification import Checks, Verified


@sovr_command("verify")
@click.argument("run", default="HEAD")
@click.option("--times", type=click.IntRange(1, 1000), metavar="N", help="Repeat it N times; every repeat must agree.")
@click.option(
    "--providers",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Repeat it until N different providers have, those of the run not counted.",
)
@click.option("--exact", is_flag=True, help="Compare byte by byte, whatever the recipe allows.")
@placing_options
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End each after this.")
@click.option("--keep-env", multiple=True, metavar="NAME", help="Pass this environment variable on, and record it.")
def command(
    app: App,
    run: str,
    times: int | None,
    providers: int | None,
    exact: bool,
    placing: Placing,
    timeout: float | None,
    keep_env: tuple[str, ...],
) -> int:
    """Repeat RUN (an id, or a revision that a run made) in a clean place, and compare what comes out.

    Outputs are compared byte by byte, or by the rule that the recipe has for them (`golem.compare`). On Golem a
    declared job goes to other providers than before. The verdict is recorded and travels with the next push. Ends with
    1 if an output differs or could not be compared.
    """
    from sovrgit.commands.placing import place
    from sovrgit.commands.repeating import approve_recorded
    from sovrgit.commands.running import on_screen, request_for
    from sovrgit.errors import ProvidersTooFew
    from sovrgit.objects.verdict import Finding
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.runs.verification import Checks, verify
    from sovrgit.ui.repeatview import VerificationView

    identity = resolve_run(app.pod, run)
    request = request_for(app, timeout=timeout, keep=keep_env)
    request = approve_recorded(app, identity, request)
    executor = place(app, placing, timeout=timeout, recorded=app.pod.store.run(identity))[0]
    checks = Checks(times, providers, exact)
    with on_screen(app, executor) as (screen, cancel):
        verification = verify(
            app.pod, identity, executor, request, screen.take, cancel, checks, _progress(screen, checks)
        )
    app.show(VerificationView(verification))
    if verification.verdict.finding is Finding.DIFFERS and not exact:
        _advise(app, identity)
    if verification.confirmed and verification.short:
        raise ProvidersTooFew(wanted=verification.wanted, found=len(verification.providers), reason=verification.short)
    return 0 if verification.confirmed else 1


def _progress(screen: Screen, checks: Checks) -> Callable[[Verified], None]:
    """Says of each of several repeats what came of it, as soon as it is known."""
    most = checks.times or checks.providers or 1
    done = 0

    def told(one: Verified) -> None:
        nonlocal done
        done += 1
        if most > 1:
            screen.note(f"repeat {done} of {most}: {one.verdict.finding}")

    return told


def _advise(app: App, run: ObjectId) -> None:
    """What can be done about outputs that differ though nothing is wrong."""
    from sovrgit.runs.verification import has_rules

    any_rules, newer = has_rules(app.pod, app.pod.store.run(run))
    if newer:
        app.console.hint(
            "the rules in `recipe.json` are not those that the run was recorded with, which count; `sovr run` records "
            "one with the new rules"
        )
    elif not any_rules:
        app.console.hint(
            "if that is no mistake, the recipe can say so: see `golem.compare` in docs/howto/repeat-and-verify.md"
        )
