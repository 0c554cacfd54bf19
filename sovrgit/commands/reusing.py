"""What `run` needs to look for results of others: the rule, and whose word counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from sovrgit.commands.app import App
from sovrgit.errors import SigningKeyMissing

if TYPE_CHECKING:
    from sovrgit.pod.pod import Pod
    from sovrgit.runs.known import Ownership
    from sovrgit.runs.reused import Finder, Lookup, Wanted
    from sovrgit.tasks.finding import Reusing


def reuse_finder(app: App, rule: str | None) -> Finder:
    """What looks for results, and tells at once what could not be asked or taken: the run may yet fail, or be refused.

    Args:
        rule: whose may be taken; what the settings say if None.
    """
    from sovrgit.reuse.deferred import deferred

    chosen = _chosen(app, rule)
    return _telling(deferred(chosen, lambda: _finder(app, chosen)), app.console.note)


def task_reusing(app: App, rule: str | None, note: Callable[[str], None]) -> Reusing:
    """The same for all pods of a task. Its places are looked at once.

    Args:
        note: tells what could not be asked or taken.
    """
    from sovrgit.reuse.deferred import deferred
    from sovrgit.tasks.finding import Reusing

    chosen = _chosen(app, rule)
    make = cache(lambda: _finder(app, chosen, once=True))
    return Reusing(chosen, _telling(deferred(chosen, make), note))


def _chosen(app: App, rule: str | None) -> str:
    _ = app.pod  # so that it is told of a setting in its file, which does not count
    return rule or app.setting("run.reuse") or "own"


def _telling(find: Finder, note: Callable[[str], None]) -> Finder:
    def telling(pod: Pod, wanted: Wanted, ownership: Ownership | None = None) -> Lookup:
        lookup = find(pod, wanted, ownership)
        for notice in lookup.notices:
            note(notice)
        return lookup

    return telling


def _finder(app: App, rule: str, *, once: bool = False) -> Finder:
    from sovrgit.commands.signatures import known_keys
    from sovrgit.reuse.finding import finder
    from sovrgit.reuse.judging import Keys

    names = {} if rule == "own" else known_keys(app).read()
    networks = None if rule == "own" else app.networks
    return finder(rule, Keys(names, lambda: _own_address(app)), networks, progress=app.progress, once=once)


def _own_address(app: App) -> str:
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.signing.keeping import own_key

    try:
        return own_key(kept_secrets(app)).key.address
    except SigningKeyMissing:
        return ""
