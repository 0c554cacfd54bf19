"""`sovr runs`: list runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command

if TYPE_CHECKING:
    from sovrgit.commands.signatures import Looker
    from sovrgit.lineage.index import KnownRun, LineageIndex
    from sovrgit.objects.commit import Reuse
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.verdict import Verdict
    from sovrgit.pod.pod import Pod
    from sovrgit.ui.runview import RunView
    from sovrgit.ui.verdictview import KnownVerdict


@sovr_command("runs")
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, help="At most so many; 20 if not given.")
@click.option("--all", "everything", is_flag=True, help="All of them, those of the pods of tasks too.")
@click.option("--signatures", is_flag=True, help="Check who signed each.")
@click.option("--cost", is_flag=True, help="What each cost on Golem, how many providers computed it, and the sum.")
def command(app: App, number: int, everything: bool, cost: bool, signatures: bool) -> None:
    """List runs, the latest first: those that made commits, failed ones, and repeats.

    The runs of the pods of a task stand behind that of the task; --all and --cost list them too.
    """
    from sovrgit.commands.signatures import Looker
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.ui.runsview import RunsView

    with LineageIndex(app.pod) as index:
        rows, taken = [], {}
        for known in _listed(index, None if everything else number, members=everything or cost):
            if known.commit is None and (reuses := _reuses(app, index, known.id)):
                taken[known.id] = reuses[0][1]
            rows.append((known, [app.pod.store.verdict(verdict) for verdict in index.verdicts_on(known.id)]))
    looker = Looker(app)
    shown = looker.look_at((known.id, known.run) for known, _ in rows) if signatures else None
    with app.paged():
        app.show(RunsView(rows, app.now_ns() // 1_000_000_000, cost, shown, taken))
    looker.fail()


def known_verdict(pod: Pod, identity: ObjectId) -> KnownVerdict:
    """A verdict with the record of the repeat, if that is here."""
    from sovrgit.errors import ObjectMissing
    from sovrgit.ui.verdictview import KnownVerdict

    verdict = pod.store.verdict(identity)
    try:
        return KnownVerdict(identity, verdict, pod.store.run(verdict.repeat))
    except ObjectMissing:
        return KnownVerdict(identity, verdict)


def verdicts_of(app: App, runs: Sequence[ObjectId]) -> dict[ObjectId, list[Verdict]]:
    """The verdicts on each of some runs, the latest first. Of those that cannot be read it warns."""
    from sovrgit.pod.verdicts import verdicts_on
    from sovrgit.ui.format import plural

    found, unread = verdicts_on(app.pod, runs)
    if unread:
        app.console.warn(f"{plural(unread, 'verdict')} cannot be read; `sovr fsck` says what is wrong")
    return found


def _listed(index: LineageIndex, number: int | None, *, members: bool) -> Iterator[KnownRun]:
    """The latest runs; with `members` also those that a task names which comes before them."""
    named: set[ObjectId] = set()
    for known in index.runs():
        if number == 0:
            return
        if members or known.id not in named:
            named.update(member.run for member in known.run.pods)
            number = None if number is None else number - 1
            yield known


def run_view(app: App, identity: ObjectId, looker: Looker) -> RunView:
    """One run with the commits that it made and the verdicts on it."""
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.ui.runview import RunView

    with LineageIndex(app.pod) as index:
        verdicts = [known_verdict(app.pod, verdict) for verdict in index.verdicts_on(identity)]
        run = app.pod.store.run(identity)
        signature, taken = looker.look(identity, run), _reuses(app, index, identity)
        return RunView(identity, run, index.commits_of(identity), verdicts, signature, taken)


def _reuses(app: App, index: LineageIndex, run: ObjectId) -> list[tuple[ObjectId, Reuse]]:
    """The commits that took the output of a run over, and what they say of that."""
    commits = ((item, app.pod.store.commit(item).reuse) for item in index.commits_of(run))
    return [(item, reuse) for item, reuse in commits if reuse is not None]
