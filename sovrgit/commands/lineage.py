"""`sovr lineage`: where a file came from, or what was made of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command

if TYPE_CHECKING:
    from sovrgit.lineage.graph import Lineage
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.lineage.pods.others import OtherPods


@sovr_command("lineage")
@click.argument("words", nargs=-1, metavar="[WHAT | diff RUN RUN]")
@click.option("--down", is_flag=True, help="What was made of the file, instead of where it came from.")
@click.option("--dot", is_flag=True, help="The graph for Graphviz.")
@click.option("--mermaid", is_flag=True, help="The graph for Mermaid, which many forges draw in Markdown.")
@click.option("--html", metavar="FILE", type=click.Path(), help="Write one page with the graph, for any browser.")
@click.option("--fetch", is_flag=True, help="Ask the other pods again, even if what they had is here.")
@click.option("--offline", is_flag=True, help="Ask nobody: answer from what is here.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Follow other pods no more than N pods away.")
@click.option("--pod", "pods", metavar="REFERENCE", multiple=True, help="Look into this pod too, and remember it.")
@click.option("-f", "--force", is_flag=True, help="Replace FILE if it is there.")
def command(app: App, words: tuple[str, ...], html: str | None, **options: Any) -> None:
    """Show where WHAT came from: the run, the recipe, the inputs, and where these came from in turn.

    WHAT is PATH (in the last commit), REVISION:PATH, a REVISION, or the id of a run; the last commit if it is left out.

    Where something came from another pod, the story goes on there: of pods that are not known here, commits and records
    are fetched once, never payload. With `--down`, the runs of all pods that are known count.

    `sovr lineage diff RUN RUN` says what differs between two runs: recipe, inputs, parameters, image, environment,
    versions and outputs. (A file that is called `diff` is `./diff`.)
    """
    forms = [f"--{name}" for name in ("dot", "mermaid") if options[name]] + (["--html"] if html is not None else [])
    if words[:1] == ("diff",):
        ways = [name for name in ("--down", "--fetch", "--offline") if options[name[2:]]]
        ways += [
            f"--{name}" for name in ("depth", "pod") if options["pods" if name == "pod" else name] not in (None, ())
        ]
        if forms or ways:
            raise click.UsageError(f"`diff` compares two runs, and does not take `{[*forms, *ways][0]}`")
        return _diff(app, words[1:])
    if options["fetch"] and options["offline"]:
        raise click.UsageError("`--fetch` and `--offline` exclude each other")
    if len(words) > 1:
        raise click.UsageError(f"got an unexpected extra argument `{words[1]}`")
    if len(forms) > 1:
        raise click.UsageError(f"`{forms[0]}` and `{forms[1]}` exclude each other")
    what = words[0] if words else "HEAD"
    found = _answer(app, what, options)
    if options["fetch"]:
        _warn(app, found)
    _show(app, found, what, "".join(forms), html, options["force"])


def _answer(app: App, what: str, options: dict[str, Any]) -> Lineage:
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.lineage.pods.other import Asking, Following
    from sovrgit.lineage.pods.others import OtherPods

    asking = Asking.ALWAYS if options["fetch"] else Asking.NEVER if options["offline"] else Asking.MISSING
    following = Following(app.now_ns(), asking, options["depth"])
    # Made when somebody is asked: it costs more than most answers.
    networks = None if options["offline"] else app.networks
    with LineageIndex(app.pod) as index, OtherPods(app.pod, following, networks, app.progress) as others:
        for reference in options["pods"]:
            from sovrgit.commands.getting import typed_reference

            others.add(typed_reference(reference), app.folder)
        if options["fetch"]:
            others.refresh()
        if options["down"]:
            return _down(app, index, what, others)
        return _up(app, index, what, others)


def _show(app: App, found: Lineage, what: str, form: str, html: str | None, force: bool) -> None:
    from sovrgit.commands.signatures import known_keys
    from sovrgit.lineage.signed import is_signed
    from sovrgit.ui.lineagepage import LineagePage

    names = known_keys(app).read() if any(map(is_signed, found.nodes.values())) else {}
    if html is not None:
        _write_page(app, found, what, html, force, names)
    elif form == "--dot" and not app.options.as_json:
        from sovrgit.lineage.dot import to_dot

        app.console.line(to_dot(found).rstrip("\n"))
    elif form == "--mermaid" and not app.options.as_json:
        from sovrgit.lineage.mermaid import to_mermaid

        app.console.line(to_mermaid(found).rstrip("\n"))
    else:
        with app.paged():
            app.show(LineagePage(found, names))


def _warn(app: App, found: Lineage) -> None:
    """Say which pods were asked in vain, where the answer does not: it shows what was known of them."""
    from sovrgit.lineage.graph import PodDetails
    from sovrgit.lineage.pods.other import PodState

    if app.options.as_json:
        return
    said = {node.details.pod.key for node in found.nodes.values() if isinstance(node.details, PodDetails)}
    for pod in found.pods.values():
        if pod.key not in said and pod.state not in (PodState.FETCHED, PodState.ABSENT):
            app.console.warn(f"nothing new from `{pod.name or pod.reference}`: {pod.reason}")


def _write_page(app: App, found: Lineage, what: str, file: str, force: bool, names: Mapping[str, str]) -> None:
    from sovrgit.errors import PodExists
    from sovrgit.lineage.page.page import to_html
    from sovrgit.lineage.page.recipes import recipe_text
    from sovrgit.store.files import write_atomic
    from sovrgit.ui.lineagepage import WrittenPage

    target = app.folder / file
    if target.is_dir() or (target.exists() and not force):
        raise PodExists(path=target, reason="is there already", hint="choose another name, or `--force`")
    page = to_html(found, what, recipe_text(app.pod.store), names).encode()
    write_atomic(target, page)
    app.show(WrittenPage(found, str(target), len(page), names))


def _diff(app: App, runs: tuple[str, ...]) -> None:
    from sovrgit.lineage.rundiff import diff_runs
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.ui.rundiffview import RunDifferenceView

    if len(runs) != 2:
        raise click.UsageError("`diff` takes two runs: ids, or revisions that runs made")
    old, new = (resolve_run(app.pod, run) for run in runs)
    with app.paged():
        app.show(RunDifferenceView(diff_runs(app.pod.store, old, new)))


def _up(app: App, index: LineageIndex, what: str, others: OtherPods) -> Lineage:
    from sovrgit.lineage.up import lineage_of_commit, lineage_of_path, lineage_of_run
    from sovrgit.objects.ids import Kind
    from sovrgit.pod.revisions import resolve_any, resolve_commit

    revision, path = _split(app, what)
    if path is not None:
        return lineage_of_path(app.pod, index, resolve_commit(app.pod, revision), path, others=others)
    identity, kind = resolve_any(app.pod, what)
    if kind is Kind.RUN:
        return lineage_of_run(app.pod, index, identity, others=others)
    return lineage_of_commit(app.pod, index, resolve_commit(app.pod, what), others=others)


def _down(app: App, index: LineageIndex, what: str, others: OtherPods) -> Lineage:
    from sovrgit.lineage.down import made_from
    from sovrgit.pod.revisions import resolve_commit

    revision, path = _split(app, what)
    if path is None:
        raise click.UsageError(f"`{what}` is not a file: --down takes PATH or REVISION:PATH")
    return made_from(app.pod, index, resolve_commit(app.pod, revision), path, others=others)


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
