"""Looks at what is on this machine: settings, keyring, the pod."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sovrgit import __version__
from sovrgit.doctor.finding import Finding, ok, problem
from sovrgit.errors import NotAPod, SovrError
from sovrgit.pod.config import Config
from sovrgit.pod.pod import Pod


def examine_machine(user_config: Config, author: Callable[[], str], keyring: Callable[[], str]) -> Iterator[Finding]:
    """Look at what does not depend on a pod.

    Args:
        author: who commits are by.
        keyring: where secrets are kept.
    """
    yield ok("sovr", f"{__version__} on Python {sys.version.split()[0]}")
    yield _tried("settings", lambda: f"{sum(1 for _ in user_config.items())} in {user_config.path}")
    yield _tried("author", author)
    yield _tried("secrets", keyring)


def examine_pod(folder: Path) -> Iterator[Finding]:
    """Look at the pod that a folder lies in, if it lies in one."""
    try:
        pod = Pod.find(folder)
    except NotAPod:
        yield ok("pod", f"`{folder}` is in none")
        return
    except SovrError as error:
        yield _failed("pod", error)
        return
    with pod:
        yield _tried("pod", lambda: _history(pod))
        yield _tried("pod settings", lambda: f"{sum(1 for _ in pod.config.items())} in {pod.config.path}")
        yield _tried("recipe", lambda: _recipe(pod))
        yield from _lock(pod)
        yield from _remotes(pod)


def _history(pod: Pod) -> str:
    head = pod.head()
    if head is None:
        return f"{pod.root}, without commits"
    commit = pod.store.commit(head)
    pod.store.tree(commit.tree)
    return f"{pod.root} at commit {head.short}; `sovr fsck` checks all of it"


def _recipe(pod: Pod) -> str:
    from sovrgit.lockfile import read_recipe_file

    recipe = read_recipe_file(pod.root)
    return f"{recipe.name}, a {recipe.kind} pod"


def _lock(pod: Pod) -> Iterator[Finding]:
    from sovrgit.lockfile import LOCK_FILE, read_lock, read_recipe_file, tags_of

    try:
        tags = tags_of(read_recipe_file(pod.root))
        lock = read_lock(pod.root)
    except SovrError as error:
        # A recipe that cannot be read was told of before.
        if error.fields.get("file") == LOCK_FILE:
            yield _failed("image lock", error)
        return
    missing = [tag for tag in tags if lock is None or tag not in lock.images]
    if missing:
        yield problem("image lock", f"`{missing[0]}` is not locked, and can be moved to another image", "`sovr lock`")
    elif tags:
        yield ok("image lock", f"{', '.join(tags)} in {LOCK_FILE}; `sovr lock --check` asks whether that is still so")


def _remotes(pod: Pod) -> Iterator[Finding]:
    """Only whether folders are there: nothing is asked of a network."""
    from sovrgit.remotes.fairos.place import is_fairos
    from sovrgit.remotes.locations import local_path, remotes

    try:
        known = remotes(pod)
    except SovrError as error:
        yield _failed("remotes", error)
        return
    for remote in known:
        what = f"remote {remote.name}"
        if is_fairos(remote.location):
            yield ok(what, f"{remote.location}, not asked")
            continue
        try:
            place = Path(os.fsdecode(local_path(remote.location, pod.root)))
        except SovrError as error:
            yield _failed(what, error)
            continue
        if place.is_dir():
            yield ok(what, remote.location)
        else:
            yield problem(what, f"`{place}` is not there", f"`sovr push {remote.name}` makes it, if that is the place")


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return ok(what, look())
    except SovrError as error:
        return _failed(what, error)


def _failed(what: str, error: SovrError) -> Finding:
    return problem(what, error.message, error.hint)
