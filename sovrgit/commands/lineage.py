"""`sovr lineage`: where a file came from, or what was made of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command

if TYPE_CHECKING:
    from sovrgit.lineage.graph import Lineage
    from sovrgit.lineage.index import LineageIndex


@sovr_command("lineage")
@click.argument("words", nargs=-1, metavar="[WHAT | diff RUN RUN]")
@click.option("--down", is_flag=True, help="What was made of the file, instead of where it came from.")
@click.option("--dot", is_flag=True, help="The graph for Graphviz.")
@click.option("--mermaid", is_flag=True, help="The graph for Mermaid, which many forges draw in Markdown.")
@click.option("--html", metavar="FILE", type=click.Path(), help="Write one page with the graph, for any browser.")
@click.option("-f", "--force", is_flag=True, help="Replace FILE if it is there.")
def command(
    app: App, words: tuple[str, ...], down: bool, dot: bool, mermaid: bool, html: str | None, force: bool
) -> None:
    """Show where WHAT came from: the run, the recipe, the inputs, and where these came from in turn.

    WHAT is PATH (in the last commit), REVISION:PATH, a REVISION, or the id of a run; the last commit if it is left out.

    `sovr lineage diff RUN RUN` says what differs between two runs: recipe, inputs, parameters, image, environment,
    versions and outputs. (A file that is called `diff` is `./diff`.)
    """
    forms = [name for name, given in (("--dot", dot), ("--mermaid", mermaid), ("--html", html is not None)) if given]
    if words[:1] == ("diff",):
        if down or forms:
            raise click.UsageError(f"`diff` compares two runs, and does not take `{[*forms, '--down'][0]}`")
        return _diff(app, words[1:])
    if len(words) > 1:
        raise click.UsageError(f"got an unexpected extra argument `{words[1]}`")
    if len(forms) > 1:
        raise click.UsageError(f"`{forms[0]}` and `{forms[1]}` exclude each other")
    _show(app, words[0] if words else "HEAD", down, "".join(forms), html, force)


def _show(app: App, what: str, down: bool, form: str, html: str | None, force: bool) -> None:
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.ui.lineagepage import LineagePage

    with LineageIndex(app.pod) as index:
        found = _down(app, index, what) if down else _up(app, index, what)
    if html is not None:
        _write_page(app, found, what, html, force)
    elif form == "--dot" and not app.options.as_json:
        from sovrgit.lineage.dot import to_dot

        app.console.line(to_dot(found).rstrip("\n"))
    elif form == "--mermaid" and not app.options.as_json:
        from sovrgit.lineage.mermaid import to_mermaid

        app.console.line(to_mermaid(found).rstrip("\n"))
    else:
        with app.paged():
            app.show(LineagePage(found))


def _write_page(app: App, found: Lineage, what: str, file: str, force: bool) -> None:
    from sovrgit.errors import PodExists
    from sovrgit.lineage.page.page import to_html
    from sovrgit.lineage.page.recipes import recipe_text
    from sovrgit.store.files import write_atomic
    from sovrgit.ui.lineagepage import WrittenPage

    target = app.folder / file
    if target.is_dir() or (target.exists() and not force):
        raise PodExists(path=target, reason="is there already", hint="choose another name, or `--force`")
    page = to_html(found, what, recipe_text(app.pod.store)).encode()
    write_atomic(target, page)
    app.show(WrittenPage(found, str(target), len(page)))


def _diff(app: App, runs: tuple[str, ...]) -> None:
    from sovrgit.lineage.rundiff import diff_runs
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.ui.rundiffview import RunDifferenceView

    if len(runs) != 2:
        raise click.UsageError("`diff` takes two runs: ids, or revisions that runs made")
    old, new = (resolve_run(app.pod, run) for run in runs)
    with app.paged():
        app.show(RunDifferenceView(diff_runs(app.pod.store, old, new)))


def _up(app: App, index: LineageIndex, what: str) -> Lineage:
    from sovrgit.lineage.up import lineage_of_commit, lineage_of_path, lineage_of_run
    from sovrgit.objects.ids import Kind
    from sovrgit.pod.revisions import resolve_any, resolve_commit

    revision, path = _split(app, what)
    if path is not None:
        return lineage_of_path(app.pod, index, resolve_commit(app.pod, revision), path)
    identity, kind = resolve_any(app.pod, what)
    if kind is Kind.RUN:
        return lineage_of_run(app.pod, index, identity)
    return lineage_of_commit(app.pod, index, resolve_commit(app.pod, what))


def _down(app: App, index: LineageIndex, what: str) -> Lineage:
    from sovrgit.lineage.down import made_from
    from sovrgit.pod.revisions import resolve_commit

    revision, path = _split(app, what)
    if path is None:
        raise click.UsageError(f"`{what}` is not a file: --down takes PATH or REVISION:PATH")
    return made_from(app.pod, index, resolve_commit(app.pod, revision), path)


def _split(app: App, what: str) -> tuple[str, bytes | None]:
    """The revision and the path; no path for what stands for a revision or a run.

    A word that names a file of the last commit is a path, even if it could be something else.
    """
    from sovrgit.pod.treediff import find

    revision, colon, rest = what.partition(":")
    if colon:
        return revision or "HEAD", os.fsencode(rest.strip("/"))
    try:
        path = app.in_pod(what)
    except click.UsageError:
        return what, None
    in_head = bool(path) and find(app.pod.store, app.pod.head_tree(), path) is not None
    return ("HEAD", path) if in_head or "/" in what else (what, None)
