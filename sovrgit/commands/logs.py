"""`sovr logs`: what a run printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import PathNotFound, RunNotFound

if TYPE_CHECKING:
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.receipts import Provider
    from sovrgit.objects.run import Run

CALL_LOG = "golem-calls.jsonl"
_PODS_SHOWN = 6


@sovr_command("logs")
@click.argument("run", required=False)
@click.option("--times", is_flag=True, help="With the time of every line.")
@click.option("--stdout", "only", flag_value="stdout", help="Only standard output.")
@click.option("--stderr", "only", flag_value="stderr", help="Only standard error.")
@click.option("--file", "name", metavar="NAME", help="Another file of the run's log folder, as it is.")
@click.option("--provider", metavar="NAME", help="What was run on a provider of Golem, by its name or id.")
def command(app: App, run: str | None, times: bool, only: str | None, name: str | None, provider: str | None) -> None:
    """Show what RUN, or the latest run, printed."""
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.objects.tree import EntryKind, TreeEntry
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.pod.treediff import walk
    from sovrgit.runs.record import LOG_NAME
    from sovrgit.ui.logview import LogFileView

    if provider is not None and name is not None:
        raise click.UsageError("`--provider` and `--file` cannot be combined")
    if run is None:
        with LineageIndex(app.pod) as index:
            latest = next(iter(index.runs(1)), None)
        if latest is None:
            raise RunNotFound(run="the latest", hint="there is none yet; `sovr run` makes one")
        identity = latest.id
    else:
        identity = resolve_run(app.pod, run)
    meant = _meant(app, identity, provider) if provider is not None else {}
    record = app.pod.store.run(identity)
    if record.pods:
        raise PathNotFound(path=name or LOG_NAME, where=f"task {identity.short}", hint=_logs_of(app, record))
    tree = record.log
    if provider is not None:
        name = CALL_LOG
    wanted = (name or LOG_NAME).encode("utf-8", "surrogateescape")
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0) if tree else None
    found = dict(walk(app.pod.store, top, b"")) if top else {}
    path = next((path for path in found if path == wanted or path.endswith(b"/" + wanted)), None)
    if path is None:
        where = f"the log of run {identity.short}"
        hint = "was the log folder named in `.sovrignore`?" if tree is None else ""
        raise PathNotFound(path=wanted.decode("utf-8", "replace"), where=where, hint=hint)
    if provider is not None:
        from sovrgit.runs.golem.printed import lines_of, printed_by
        from sovrgit.ui.golemlog import ProviderLogView

        printed = printed_by(lines_of(app.pod.store.stream(found[path].id)), meant)
        with app.paged():
            app.show(ProviderLogView(identity, path, meant, printed, only))
        return
    captured = name is None
    with app.paged():
        app.show(LogFileView(identity, path, app.pod.store.stream(found[path].id), captured, times, only))


def _logs_of(app: App, task: Run) -> str:
    """Where the logs of a task are: its pods have one each. Those that failed come first."""
    runs = sorted(task.pods, key=lambda member: app.pod.store.run(member.run).succeeded)
    shown = [f"`sovr logs {member.run.short}` ({member.name})" for member in runs[:_PODS_SHOWN]]
    more = len(runs) - len(shown)
    return f"each of its pods has a log: {', '.join(shown)}" + (f" and {more} more, see `sovr show`" if more else "")


def _meant(app: App, run: ObjectId, wanted: str) -> dict[str, Provider]:
    """The activities of the providers that somebody means by a word.

    Raises:
        PathNotFound: if there are none.
    """
    from sovrgit.objects.receipts import maps, provider_of, text

    agreements = [one for one in maps(app.pod.store.run(run).golem.get("agreements")) if maps(one.get("activities"))]
    meant = {
        text(activity.get("id")): provider_of(agreement)
        for agreement in agreements
        if provider_of(agreement).matches(wanted)
        for activity in maps(agreement.get("activities"))
    }
    if not meant:
        names = ", ".join(f"`{name}`" for name in sorted({provider_of(one).called for one in agreements}))
        hint = f"there are {names}" if names else "`sovr show RUN` tells where it was run"
        raise PathNotFound(path=wanted, where=f"the providers of run {run.short}", hint=hint)
    return meant
