"""`sovr git`: exchange with Git."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.gitview import GitExportedView, GitImportedView

_SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_ELSEWHERE = re.compile(r"[a-z+]+://|[\w.-]+@[\w.-]+:")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class _Git(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    """The bytes that were typed."""
    found = _SIZE.fullmatch(value.strip()) if value is not None else None
    if value is not None and (found is None or not int(found[1])):
        raise click.BadParameter(f"`{value}` is not a size, such as `10M`", ctx, param)
    return int(found[1]) * _UNITS[found[2].upper()] if found is not None else 0


def _place(app: App, path: str | Path) -> Path:
    """A path that was typed.

    Raises:
        GitUnusable: if it is the address of a repository elsewhere.
    """
    if _ELSEWHERE.match(str(path)) and not (app.folder / path).exists():
        from sovrgit.errors import GitUnusable

        hint = "`git clone --mirror` gets it, and `git push --mirror` sends it"
        raise GitUnusable(path=path, reason="only repositories on this machine are read and written", hint=hint)
    return Path(os.path.abspath(app.folder / path))


@click.group("git", cls=_Git)
def command() -> None:
    """Exchange history with Git repositories on this machine, both ways, without loss.

    What comes from Git goes back with the same ids.
    """


@command.command("import")
@click.argument("repository", type=click.Path())
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--name", default="git", show_default=True, help="What its branches are called here: git/main.")
@click.pass_obj
def import_(app: App, repository: str, folder: Path | None, name: str) -> None:
    """Bring branches and tags of REPOSITORY, with their history, into this pod, or into a new one in FOLDER.

    Its branches become `git/main` and so on. Your own of the same name go forward to them, but not the one that is
    checked out, and none that has commits of its own: `sovr merge git/main` brings these together.
    """
    from sovrgit.gitexchange import ImportRequest, import_git, import_into_new

    request = ImportRequest(_place(app, repository), app.now_ns(), name)
    if folder is None:
        done = import_git(app.pod, request, app.progress)
    else:
        done = import_into_new(_place(app, folder), request, app.progress)
        app.use(done.pod)
    app.show(GitImportedView(done, repository, name, created=folder is not None))


@command.command()
@click.argument("repository", type=click.Path())
@click.option(
    "--lfs-over", metavar="SIZE", callback=_size, help="Let larger files be pointers of Git LFS; such as 10M, in bytes."
)
@click.option("-f", "--force", is_flag=True, help="Move branches and tags there even if commits get lost by it.")
@click.pass_obj
def export(app: App, repository: str, lfs_over: int, force: bool) -> None:
    """Bring REPOSITORY up to date with the branches and tags of this pod. It is made if it is not there.

    Runs become notes (`git log --notes=sovr`), and trailers of the commits that they made.
    """
    from sovrgit.gitexchange import ExportRequest, export_git

    done = export_git(app.pod, ExportRequest(_place(app, repository), lfs_over, force), app.progress)
    app.show(GitExportedView(done, repository))
