"""`sovr show`: a commit, a run or another object."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("show")
@click.argument("name", default="HEAD")
@click.option("--stat", is_flag=True, help="Of changes, only how much.")
def command(app: App, name: str, stat: bool) -> None:
    """Show what NAME stands for: a revision, REVISION:PATH, or the id of a run, verdict or file."""
    from sovrgit.commands.differences import compare_trees
    from sovrgit.commands.runs import verdicts_of
    from sovrgit.commands.signatures import Looker
    from sovrgit.objects.ids import Kind
    from sovrgit.objects.tree import EMPTY_TREE_ID
    from sovrgit.pod.revisions import resolve_any
    from sovrgit.ui.showview import BlobView, CommitShowView, TreeView

    store = app.pod.store
    if ":" in name:
        from sovrgit.pod.revisions import resolve_path

        revision, _, path = name.partition(":")
        entry = resolve_path(app.pod, revision or "HEAD", path.strip("/").encode("utf-8", "surrogateescape"))
        identity, kind = entry.id, Kind.TREE if entry.is_directory else Kind.BLOB
    else:
        identity, kind = resolve_any(app.pod, name)
    looker = Looker(app)
    with app.paged():
        if kind is Kind.COMMIT:
            commit = store.commit(identity)
            before = store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE_ID
            signature = looker.look(identity, commit)
            differences = compare_trees(app, before, commit.tree, stat=stat)
            verdicts = verdicts_of(app, [commit.run]).get(commit.run, ()) if commit.run is not None else ()
            app.show(CommitShowView(identity, commit, differences, signature, verdicts))
        elif kind is Kind.RUN:
            from sovrgit.commands.runs import run_view

            app.show(run_view(app, identity, looker))
        elif kind is Kind.VERDICT:
            from sovrgit.commands.runs import known_verdict
            from sovrgit.ui.verdictview import VerdictView

            known = known_verdict(app.pod, identity)
            app.show(VerdictView(known, looker.look(identity, known.verdict)))
        elif kind is Kind.TREE:
            app.show(TreeView(identity, store.tree(identity)))
        else:
            store.ensure([identity])
            app.show(BlobView(identity, store.size(identity), store.stream(identity)))
    looker.fail()
