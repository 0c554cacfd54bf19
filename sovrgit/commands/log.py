"""`sovr log`: the history."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.refs import DETACHED, HEADS, REMOTES, TAGS
from sovrgit.ui.commitview import LogView, short_ref

_SHOWN = (HEADS, REMOTES, TAGS)
"""Where the names stand that are shown at commits, and that `--all` begins with."""


@sovr_command("log")
@click.argument("revision", required=False)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--oneline", is_flag=True, help="One line a commit.")
@click.option("--graph", is_flag=True, help="Draw how commits follow each other.")
@click.option("--all", "everything", is_flag=True, help="From all branches and tags, here and at remotes.")
@click.option("--follow", is_flag=True, help="Of one file, also under the names that it had before.")
@click.option("--signatures", is_flag=True, help="Check who signed each commit.")
@click.option("-n", "--number", type=click.IntRange(min=1), help="At most so many commits.")
def command(
    app: App,
    revision: str | None,
    paths: tuple[str, ...],
    oneline: bool,
    graph: bool,
    everything: bool,
    follow: bool,
    signatures: bool,
    number: int | None,
) -> None:
    """Show the history of REVISION (A..B for a range), of all or of PATHS only."""
    from sovrgit.commands.runs import verdicts_of
    from sovrgit.commands.signatures import Looker
    from sovrgit.pod.history import touching, walk
    from sovrgit.ui.graph import draw

    tips, without, names = _range(app, revision)
    if names:
        paths = (*names, *paths)
    refs = app.pod.refs.read()
    if everything:
        tips = [value for name, value in refs.values.items() if name.startswith((*_SHOWN, DETACHED))]
    if follow and (len(paths) != 1 or everything or without):
        raise click.UsageError("`--follow` takes one file, and no range")
    commits = walk(app.pod.store, tips, without)
    if follow:
        commits = _followed(app, tips[0], app.in_pod(paths[0]))
    elif paths:
        commits = touching(app.pod.store, commits, [app.in_pod(path) for path in paths])
    found = list(islice(commits, number))
    labels: dict[ObjectId, list[str]] = {}
    for name, value in refs.values.items():
        if name == DETACHED:
            labels.setdefault(value, []).append("HEAD")
        elif name.startswith(_SHOWN):
            label = short_ref(name)
            labels.setdefault(value, []).append(f"HEAD -> {label}" if name == refs.head else label)
    looker = Looker(app)
    shown = looker.look_at(found) if signatures else None
    verdicts = verdicts_of(app, [commit.run for _, commit in found if commit.run is not None])
    view = LogView(found, labels, draw(found) if graph else (), oneline, shown, verdicts)
    with app.paged():
        app.show(view)
    looker.fail()


def _followed(app: App, tip: ObjectId, path: bytes) -> Iterator[tuple[ObjectId, Commit]]:
    from sovrgit.pod.follow import follow

    return ((identity, commit) for identity, commit, _ in follow(app.pod.store, tip, path))


def _range(app: App, revision: str | None) -> tuple[list[ObjectId], list[ObjectId], list[str]]:
    """The commits to begin and to end with; a first argument that is a path and no revision is given back."""
    from sovrgit.errors import RevisionNotFound
    from sovrgit.pod.revisions import resolve_commit

    if revision is None:
        return [resolve_commit(app.pod, "HEAD")], [], []
    if ".." in revision:
        old, _, new = revision.partition("..")
        return [resolve_commit(app.pod, new or "HEAD")], [resolve_commit(app.pod, old or "HEAD")], []
    try:
        return [resolve_commit(app.pod, revision)], [], []
    except RevisionNotFound:
        if not (app.folder / revision).exists():
            raise
        return [resolve_commit(app.pod, "HEAD")], [], [revision]
