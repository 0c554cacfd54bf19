"""`sovr search`: find pods in registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import SovrError
from sovrgit.ui.registryview import SearchView

if TYPE_CHECKING:
    from sovrgit.registry.form import Listed
    from sovrgit.registry.search import Source

_OWN = "own"
_AT_ONCE = 8


@sovr_command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--server", metavar="URL", help="The server of your own registry, if it is another one.")
def command(app: App, words: tuple[str, ...], server: str | None) -> int:
    """Find pods by WORDS in their name, description, author, version or kind.

    It looks into your own registry, if you are logged in, and into those that you have added. A reference is shown
    where a registry publishes one. The exit code is 1 if nothing is found.
    """
    from sovrgit.registry.search import search

    sources, unread = _sources(app, server)
    hits = search(words, sources)
    app.show(SearchView(hits, unread))
    if not sources and not unread:
        app.console.hint("`sovr login` and `sovr registry rebuild`, or `sovr registry add REFERENCE`")
    return 0 if hits else 1


def _sources(app: App, server: str | None) -> tuple[list[Source], list[tuple[str, str]]]:
    """The registries that could be read, and those that could not."""
    from concurrent.futures import ThreadPoolExecutor

    from sovrgit.commands.accounts import connect, fairos_server, kept_secrets, known_login
    from sovrgit.registry.added import Added, added, read_added
    from sovrgit.registry.own import read_own
    from sovrgit.registry.search import Source
    from sovrgit.remotes.fairos.address import ServerAddress
    from sovrgit.remotes.firstcli.reading import briefly

    def read(registry: Added | None) -> list[Listed] | SovrError:
        try:
            with connect(app, ServerAddress.parse(registry.server) if registry else address) as fairos:
                return read_added(fairos, registry, briefly) if registry else read_own(fairos, briefly)
        except SovrError as error:
            return error

    secrets = kept_secrets(app)
    address = fairos_server(app, server)
    wanted: list[Added | None] = [None] if known_login(app, address, secrets) is not None else []
    wanted += added(secrets)
    with ThreadPoolExecutor(_AT_ONCE, "sovr-search") as pool:
        answers = list(pool.map(read, wanted))
    sources: list[Source] = []
    unread: list[tuple[str, str]] = []
    for registry, answer in zip(wanted, answers, strict=True):
        name = registry.name if registry else _OWN
        if isinstance(answer, SovrError):
            unread.append((name, answer.message))
        else:
            sources.append(Source(name, answer))
    return sources, unread
