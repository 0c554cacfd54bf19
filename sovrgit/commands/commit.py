"""`sovr commit`: record the state of the pod."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.commitview import CommittedView


@sovr_command("commit")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-m", "--message", multiple=True, help="The message; a second one becomes a second paragraph.")
@click.option("--amend", is_flag=True, help="Replace the last commit.")
@click.option("--allow-empty", is_flag=True, help="Commit even if nothing has changed.")
@click.option("--sign/--no-sign", default=None, help="Sign it with your key, or not; otherwise as `user.signing` says.")
def command(
    app: App, paths: tuple[str, ...], message: tuple[str, ...], amend: bool, allow_empty: bool, sign: bool | None
) -> None:
    """Record the state of the pod: all of it, or only PATHS.

    There is no staging area: what is in the folder and not ignored is recorded.
    """
    from sovrgit.commands.message import edit_message
    from sovrgit.pod.commits import CommitRequest, commit
    from sovrgit.pod.paths import MERGE_FILE

    app.signs = sign
    wanted = [app.in_pod(path) for path in paths]
    text: str | None = "\n\n".join(message) if message else None
    if text is None and not amend and not (app.pod.folder / MERGE_FILE).exists():
        text = edit_message(app)
    if text is not None and not text.strip():
        raise click.UsageError("the message is empty, so nothing was committed")
    request = CommitRequest(app.author(), text, [] if b"" in wanted else wanted, amend, allow_empty)
    app.show(CommittedView(commit(app.pod, request)))
