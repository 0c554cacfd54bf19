"""`sovr export`: the story of a run in a standard format."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("export")
@click.argument("run", default="HEAD")
@click.option(
    "--as", "form", type=click.Choice(["ro-crate", "prov", "in-toto"]), required=True, help="The format to write."
)
@click.option(
    "--output", metavar="PATH", type=click.Path(), required=True, help="Where to write it; must not be there."
)
@click.option("--with-files", is_flag=True, help="For ro-crate: put all files that are here into it.")
def command(app: App, run: str, form: str, output: str, with_files: bool) -> None:
    """Write the story of RUN (an id, or a revision that a run made) for programs that know nothing of sovr.

    \b
    ro-crate  a folder: Workflow Run RO-Crate, with the recipe, or with all files
    prov      a file: PROV-JSON of the W3C, or PROV-N if PATH ends with .provn
    in-toto   a file: SLSA provenance in a DSSE envelope, not signed

    What is recorded is in it, names of people included.
    """
    from sovrgit.lineage.exports.story import gather
    from sovrgit.lineage.exports.write import refuse_existing, write_crate, write_intoto, write_prov
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.ui.exportview import ExportView

    if with_files and form != "ro-crate":
        raise click.UsageError(f"`--with-files` is for ro-crate: {form} has no place for files")
    identity = resolve_run(app.pod, run)
    target = app.folder / output
    # Every file is read for its hash, which can take a while.
    refuse_existing(target)
    with LineageIndex(app.pod) as index:
        story = gather(app.pod, index, identity)
    count, signed = 0, False
    if form == "ro-crate":
        count = write_crate(app.pod, story, target, with_files=with_files)
    elif form == "prov":
        write_prov(story, target)
    else:
        signed = write_intoto(story, target)
    app.show(ExportView(story, form, str(target), count, signed))
