"""The words that may be typed for a branch, a remote, a run, a path, and which of them a parameter takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from sovrgit.errors import SovrError

if TYPE_CHECKING:
    from sovrgit.commands.app import App
    from sovrgit.objects.tree import TreeEntry

Items = list[CompletionItem[str]]
Completer = Callable[["App", str], Items]

_RUNS = 50
"""The commits that are looked at for runs, from the one that is checked out on."""

_MOST = 1000
"""Words that are offered: a shell shows no more in a useful way."""


def _matching(words: Iterable[tuple[str, str]], incomplete: str, kind: str = "plain") -> Items:
    found: dict[str, str] = {}
    for word, remark in words:
        if word.startswith(incomplete) and len(found) < _MOST:
            found.setdefault(word, remark)
    return [CompletionItem(word, kind, remark or None) for word, remark in found.items()]


# --- names ------------------------------------------------------------------------------------------------------


def branches(app: App, incomplete: str) -> Items:
    """The branches here."""
    from sovrgit.pod.refs import HEADS

    known = app.pod.refs.read()
    return _matching(((name, "branch") for name in sorted(known.under(HEADS))), incomplete)


def tags(app: App, incomplete: str) -> Items:
    """The tags here."""
    from sovrgit.pod.refs import TAGS

    known = app.pod.refs.read()
    return _matching(((name, "tag") for name in sorted(known.under(TAGS))), incomplete)


def refs(app: App, incomplete: str) -> Items:
    """`HEAD`, branches, tags, and the branches of remotes; also behind `..`."""
    from sovrgit.pod.refs import HEADS, REMOTES, TAGS

    known = app.pod.refs.read()
    before, dots, rest = incomplete.rpartition("..")
    start = before + dots

    def words() -> Iterator[tuple[str, str]]:
        if known.current() is not None:
            yield f"{start}HEAD", "what is checked out"
        for prefix, remark in ((HEADS, "branch"), (TAGS, "tag"), (REMOTES, "branch of a remote")):
            for name in sorted(known.under(prefix)):
                yield start + name, remark

    return _matching(words(), start + rest)


def remotes(app: App, incomplete: str) -> Items:
    """The remotes of the pod."""
    from sovrgit.remotes.locations import remotes

    return _matching(((remote.name, remote.location) for remote in remotes(app.pod)), incomplete)


def runs(app: App, incomplete: str) -> Items:
    """Short ids of the runs that made the latest commits, and of those that made none."""
    from sovrgit.pod.refs import RUNS

    known = app.pod.refs.read()

    def words() -> Iterator[tuple[str, str]]:
        commit = known.current()
        for _ in range(_RUNS):
            if commit is None:
                break
            made = app.pod.store.commit(commit)
            if made.run is not None:
                yield made.run.short, made.message.partition("\n")[0]
            commit = made.parents[0] if made.parents else None
        for _, run in sorted(known.under(RUNS).items()):
            yield run.short, "run that made no commit"

    found = _matching(words(), incomplete)
    return found or refs(app, incomplete)


def settings(app: App, incomplete: str) -> Items:
    """The settings that mean something, and those that are set."""
    from sovrgit.settings import SETTINGS

    known = [(setting.name, setting.purpose) for setting in SETTINGS if "NAME" not in setting.name]
    return _matching([*known, *((entry.name, "") for entry in app.settings.entries())], incomplete)


def given_settings(app: App, incomplete: str) -> Items:
    """Settings with the sign that the value follows."""
    return [CompletionItem(f"{item.value}=", help=item.help) for item in settings(app, incomplete)]


def templates(_: App, incomplete: str) -> Items:
    """The templates of pods."""
    from sovrgit.pod.scaffold import TEMPLATES

    return _matching(TEMPLATES.items(), incomplete)


def files(_: App, __: str) -> Items:
    """Whatever the shell finds: a file or a folder anywhere."""
    return [CompletionItem("", "file")]


# --- paths ------------------------------------------------------------------------------------------------------


def paths(app: App, incomplete: str) -> Items:
    """Files and folders at one level, those that are on disk and those of the last commit, from the current folder."""
    folder, _, _ = incomplete.rpartition("/")
    start = f"{folder}/" if "/" in incomplete else ""
    names = {os.fsdecode(name): is_folder for name, is_folder in _committed(app, start)}
    with suppress(OSError), os.scandir(app.folder / (start or ".")) as entries:
        names |= {entry.name: entry.is_dir() for entry in entries}
    names.pop(".sovr", None)
    words = ((start + name + ("/" if names[name] else ""), "") for name in sorted(names))
    hidden = incomplete.rpartition("/")[2].startswith(".")
    return _matching(
        (word for word in words if hidden or not word[0][len(start) :].startswith(".")), incomplete, "path"
    )


def _committed(app: App, start: str) -> Iterator[tuple[bytes, bool]]:
    """The names in a folder of the last commit."""
    root = os.path.abspath(app.pod.root)
    relative = os.path.relpath(os.path.abspath(app.folder / start), root)
    if relative.split(os.sep)[0] == os.pardir:
        return
    path = b"" if relative == os.curdir else os.fsencode(relative)
    # Before the first commit, and where it has no such folder, there is nothing to add.
    with suppress(SovrError):
        for entry in _entries(app, "HEAD", path):
            yield entry.name, entry.is_directory


def _entries(app: App, revision: str, path: bytes) -> Iterable[TreeEntry]:
    from sovrgit.pod.revisions import resolve_path

    folder = resolve_path(app.pod, revision, path)
    return app.pod.store.tree(folder.id).entries if folder.is_directory else ()


def places(app: App, incomplete: str) -> Items:
    """Revisions, `REVISION:PATH`, and paths of the last commit."""
    revision, colon, path = incomplete.partition(":")
    if not colon:
        return refs(app, incomplete) + paths(app, incomplete)
    folder = path.rpartition("/")[0]
    start = f"{revision}:{folder}/" if "/" in path else f"{revision}:"
    found = [
        (start + os.fsdecode(entry.name) + ("/" if entry.is_directory else ""), "")
        for entry in _entries(app, revision or "HEAD", os.fsencode(folder))
    ]
    return _matching(found, incomplete, "path")


def refs_and_paths(app: App, incomplete: str) -> Items:
    """Revisions and paths, as for `sovr diff`."""
    return refs(app, incomplete) + paths(app, incomplete)


def objects(app: App, incomplete: str) -> Items:
    """What `sovr show` shows: revisions, files in them, and runs once digits are typed."""
    found = places(app, incomplete)
    return found + [item for item in runs(app, incomplete) if item not in found] if incomplete.isalnum() else found


def helped(app: App, incomplete: str) -> Items:
    """Topics of the help, and commands."""
    from sovrgit.commands.catalogue import COMMANDS
    from sovrgit.help.topics import TOPICS

    commands = [pair for topic in COMMANDS.values() for pair in topic.items()]
    return _matching([*TOPICS.items(), *commands], incomplete)


# --- which parameter takes what ---------------------------------------------------------------------------------

_BY_NAME: dict[str, Completer] = {
    "revision": refs,
    "start": refs,
    "target": refs,
    "remote": remotes,
    "branches": branches,
    "run": runs,
    "paths": paths,
    "allowed": paths,
    "where": places,
    "what": paths,
    "template": templates,
    "given": given_settings,
    "reference": files,
    "location": files,
}
"""By the name of the parameter, which means the same for every command."""

_BY_COMMAND: dict[tuple[str, str], Completer] = {
    ("branch", "name"): branches,
    ("branch", "move"): branches,
    ("config", "name"): settings,
    ("diff", "arguments"): refs_and_paths,
    ("help", "name"): helped,
    ("lineage", "words"): objects,
    ("reflog", "name"): branches,
    ("remote remove", "name"): remotes,
    ("show", "name"): objects,
    ("switch", "name"): branches,
    ("tag", "name"): tags,
}


def completer_of(command: str, parameter: str) -> Completer | None:
    """What offers words for a parameter, if anything does."""
    return _BY_COMMAND.get((command, parameter)) or _BY_NAME.get(parameter)
