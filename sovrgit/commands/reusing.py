"""What `run` needs to look for results of others: the rule, and whose word counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovrgit.commands.app import App
from sovrgit.errors import SigningKeyMissing

if TYPE_CHECKING:
    from sovrgit.runs.reused import Finder


def reuse_finder(app: App, rule: str | None) -> Finder:
    """What looks for results.

    Args:
        rule: whose may be taken; what the settings say if None.
    """
    from sovrgit.commands.signatures import known_keys
    from sovrgit.reuse.finding import finder
    from sovrgit.reuse.judging import Keys

    _ = app.pod  # so that it is told of a setting in its file, which does not count
    chosen = rule or app.setting("run.reuse") or "own"
    names = {} if chosen == "own" else known_keys(app).read()
    networks = None if chosen == "own" else app.networks
    return finder(chosen, Keys(names, lambda: _own_address(app)), networks, progress=app.progress)


def _own_address(app: App) -> str:
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.signing.keeping import own_key

    try:
        return own_key(kept_secrets(app)).key.address
    except SigningKeyMissing:
        return ""
