"""`sovr export`: the story of a run in a standard format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command

if TYPE_CHECKING:
    from sovrgit.lineage.exports.intoto import Signer


@sovr_command("export")
@click.argument("run", default="HEAD")
@click.option(
    "--as", "form", type=click.Choice(["ro-crate", "prov", "in-toto"]), required=True, help="The format to write."
)
@click.option(
    "--output", metavar="PATH", type=click.Path(), required=True, help="Where to write it; must not be there."
)
@click.option("--sign/--no-sign", default=None, help="Sign it (in-toto) with your key, or not; else as `user.signing`.")
@click.option("--with-files", is_flag=True, help="For ro-crate: put all files that are here into it.")
def command(app: App, run: str, form: str, output: str, sign: bool | None, with_files: bool) -> None:
    """Write the story of RUN (an id, or a revision that a run made) for programs that know nothing of sovr.

    \b
    ro-crate  a folder: Workflow Run RO-Crate, with the recipe, or with all files
    prov      a file: PROV-JSON of the W3C, or PROV-N if PATH ends with .provn
    in-toto   a file: SLSA provenance in a DSSE envelope, signed if you sign

    What is recorded is in it, names of people included.
    """
    from sovrgit.lineage.exports.story import gather
    from sovrgit.lineage.exports.write import refuse_existing, write_crate, write_intoto, write_prov
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.pod.revisions import resolve_run
    from sovrgit.ui.exportview import ExportView

    if with_files and form != "ro-crate":
        raise click.UsageError(f"`--with-files` is for ro-crate: {form} has no place for files")
    if sign and form != "in-toto":
        raise click.UsageError(f"`--sign` is for in-toto: {form} has no place for a signature")
    # Told before anything is read, if it cannot be signed.
    signer = _signer(app, sign) if form == "in-toto" else None
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
        signed = write_intoto(story, target, signer) if signer is not None else write_intoto(story, target)
    app.show(ExportView(story, form, str(target), count, signed))


def _signer(app: App, wanted: bool | None) -> Signer | None:
    """What signs the envelope, if it is to be signed."""
    from sovrgit.commands.signatures import signs_by_default

    if not (signs_by_default(app) if wanted is None else wanted):
        return None
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.lineage.exports.signing import signer_with
    from sovrgit.signing.keeping import own_key

    return signer_with(own_key(kept_secrets(app)).key)
