"""The pod of `import sovrgit`: the verbs of the command line as methods, each a few lines over the library.

Nothing is printed and nobody is asked. Like the library, this takes environment and author as arguments.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from sovrgit import env
from sovrgit.errors import IdentityUnknown, PathNotFound, RunNotFound

if TYPE_CHECKING:
    from sovrgit.lineage.graph import Lineage
    from sovrgit.lineage.index import KnownRun
    from sovrgit.objects.commit import Commit, Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.tree import TreeEntry
    from sovrgit.pod.commits import Committed
    from sovrgit.pod.jsondiff import JsonChange
    from sovrgit.pod.pod import Pod as Repository
    from sovrgit.pod.status import Status
    from sovrgit.pod.treediff import Change
    from sovrgit.remotes.fetch import Fetched
    from sovrgit.remotes.locations import RemoteSetting
    from sovrgit.remotes.push import Pushed
    from sovrgit.runs.executor import Event
    from sovrgit.runs.log import LogLine
    from sovrgit.runs.record import RunRequest
    from sovrgit.runs.repeat import Repeated, Verified
    from sovrgit.runs.run import RunResult
    from sovrgit.runs.trust import Proposal

Where: TypeAlias = str | os.PathLike[str]
"""A path on this machine."""

Approve: TypeAlias = "bool | Callable[[Proposal], bool]"
"""Whether scripts of somebody else may run, or a function that is asked."""


class Pod:
    """A pod, with the verbs of the command line.

    `repository` is the library's own object, for whatever this class does not offer. Use it in a `with` block, or
    call `close`, to let go of its files.

    Args:
        environ: what a run's command gets a part of, and where an author is looked for.
        author: `Name <address>`.
        clock: the time in nanoseconds since 1970.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        author: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.repository = repository
        self._author = author
        self._environ = environ
        self._clock = clock

    def __repr__(self) -> str:
        return f"Pod({str(self.root)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the pod's files."""
        self.repository.close()

    @property
    def root(self) -> Path:
        """The pod's folder."""
        return self.repository.root

    @property
    def head(self) -> ObjectId | None:
        """The commit that is checked out, None before the first one."""
        return self.repository.head()

    def stamp(self) -> Stamp:
        """Who works here, and when.

        Raises:
            IdentityUnknown: if nobody has said who.
        """
        from sovrgit.objects.commit import Stamp

        seconds = self._clock() // 1_000_000_000
        zone = (time.localtime(seconds).tm_gmtoff or 0) // 60
        name, email = identity_of(self._author, self._environ, self.repository)
        return Stamp(name, email, seconds, zone)

    # --- work -------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What has changed since the last commit."""
        from sovrgit.pod.status import status

        return status(self.repository)

    def commit(
        self, message: str | None, *, paths: Iterable[Where] = (), amend: bool = False, allow_empty: bool = False
    ) -> Committed:
        """Record the state of the pod, all of it or only some paths, given from its root.

        Args:
            message: None keeps the message of the commit that is amended.

        Raises:
            NothingToCommit: if nothing has changed.
            PathNotFound: if a path is neither in the working tree nor in the last commit.
        """
        from sovrgit.pod.commits import CommitRequest, commit

        request = CommitRequest(self.stamp(), message, [_inside(path) for path in paths], amend, allow_empty)
        return commit(self.repository, request)

    def restore(self, *paths: Where, revision: str = "HEAD") -> int:
        """Bring files back to what a revision says; how many were written. Local changes to them are lost.

        Raises:
            RevisionNotFound, PathNotFound: if there is no such revision or path.
        """
        from sovrgit.pod.revisions import resolve_tree
        from sovrgit.pod.switch import restore

        tree = resolve_tree(self.repository, revision)
        return len(restore(self.repository, tree, [_inside(path) for path in paths]))

    # --- look -------------------------------------------------------------------------------------------------------

    def log(
        self, revision: str = "HEAD", *, paths: Iterable[Where] = (), limit: int | None = None
    ) -> list[tuple[ObjectId, Commit]]:
        """The history of a revision, newest first; of some paths only, if they are given.

        Raises:
            RevisionNotFound: if there is no such revision.
        """
        from itertools import islice

        from sovrgit.pod.history import touching, walk
        from sovrgit.pod.revisions import resolve_commit

        store = self.repository.store
        commits = walk(store, [resolve_commit(self.repository, revision)])
        wanted = [_inside(path) for path in paths]
        return list(islice(touching(store, commits, wanted) if wanted else commits, limit))

    def files(self, revision: str = "HEAD") -> dict[str, TreeEntry]:
        """The files of a revision by path, with size and id."""
        from sovrgit.pod.revisions import resolve_path
        from sovrgit.pod.treediff import walk

        top = resolve_path(self.repository, revision, b"")
        found = walk(self.repository.store, top, b"")
        return {os.fsdecode(path): entry for path, entry in found if not entry.is_directory}

    def read(self, path: Where, revision: str = "HEAD") -> bytes:
        """The content of a file in a revision, verified by its hash.

        Raises:
            RevisionNotFound, PathNotFound: if there is no such revision or file.
        """
        from sovrgit.objects.ids import Kind
        from sovrgit.pod.revisions import resolve_path

        entry = resolve_path(self.repository, revision, _inside(path))
        if entry.is_directory:
            raise PathNotFound(path=os.fspath(path), where=f"the files of `{revision}`", hint="it is a folder")
        return bytes(self.repository.store.read(entry.id, Kind.BLOB))

    def diff(self, old: str = "HEAD", new: str | None = None) -> list[Change]:
        """The paths in which two revisions differ, or a revision and the working tree.

        Raises:
            RevisionNotFound: if there is no such revision.
        """
        from sovrgit.pod.revisions import resolve_tree
        from sovrgit.pod.treediff import diff_trees
        from sovrgit.pod.worktree import WorkingTree

        before = resolve_tree(self.repository, old)
        if new is not None:
            return list(diff_trees(self.repository.store, before, resolve_tree(self.repository, new)))
        working = WorkingTree.look(self.repository)
        working.head_tree = before
        return working.changes()

    def diff_keys(self, path: Where, old: str = "HEAD~1", new: str = "HEAD") -> list[JsonChange] | None:
        """What differs in a JSON file between two revisions, key by key; None if it is better compared as text."""
        from sovrgit.pod.jsondiff import json_changes

        return json_changes(self.read(path, old), self.read(path, new))

    def lineage(self, path: Where | None = None, revision: str = "HEAD", *, down: bool = False) -> Lineage:
        """Where a file comes from, or with `down` what was made of it; without a path, the story of a commit or run.

        Raises:
            RevisionNotFound, PathNotFound: if there is nothing of that name.
        """
        from sovrgit.lineage.down import made_from
        from sovrgit.lineage.index import LineageIndex
        from sovrgit.lineage.up import lineage_of_commit, lineage_of_path, lineage_of_run
        from sovrgit.objects.ids import Kind
        from sovrgit.pod.revisions import resolve_any, resolve_commit

        with LineageIndex(self.repository) as index:
            if path is not None:
                ask = made_from if down else lineage_of_path
                return ask(self.repository, index, resolve_commit(self.repository, revision), _inside(path))
            identity, kind = resolve_any(self.repository, revision)
            ask_record = lineage_of_run if kind is Kind.RUN else lineage_of_commit
            return ask_record(self.repository, index, identity)

    # --- run --------------------------------------------------------------------------------------------------------

    def run(
        self,
        *arguments: str,
        parameters: Mapping[str, str] | None = None,
        force: bool = False,
        timeout: float | None = None,
        keep_env: Iterable[str] = (),
        allow_empty: bool = False,
        commit_failed: bool = False,
        approve: Approve = False,
        events: Callable[[Event], None] | None = None,
    ) -> RunResult:
        """Run the pod as its recipe says, and record and commit the result. A known result is taken as it is.

        A command that fails is no exception: `result.run.succeeded` tells, and the run is recorded.

        Args:
            arguments: added to the command.
            parameters: reach the command as `SOVR_PARAM_<NAME>`.
            force: run even if the result is known.
            timeout: seconds.
            keep_env: names of environment variables to pass on, and record, beyond the usual ones.
            approve: for pods of other people.
            events: told of every start, piece of output and end, as it happens.

        Raises:
            RecipeInvalid, Unsupported: if there is nothing that can be run.
            RunNotTrusted: if the scripts are somebody else's and were not approved.
            Locked: if the pod runs already.
        """
        from dataclasses import replace

        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.local import LocalExecutor
        from sovrgit.runs.run import run_pod

        request = replace(
            self._request(approve, timeout, keep_env),
            arguments=arguments,
            parameters=dict(parameters or {}),
            force=force,
            allow_empty=allow_empty,
            commit_failed=commit_failed,
        )
        with Cancel() as cancel:
            return run_pod(self.repository, LocalExecutor(), request, events or _ignore, _ignore, cancel)

    def runs(self, limit: int | None = None) -> list[KnownRun]:
        """The runs that are recorded here, the latest first."""
        from sovrgit.lineage.index import LineageIndex

        with LineageIndex(self.repository) as index:
            return list(index.runs(-1 if limit is None else limit))

    def logs(self, run: str | None = None) -> list[LogLine]:
        """What a run, or the latest one, printed: line by line, with times.

        Raises:
            RunNotFound: if there is no such run.
            PathNotFound: if it has no log.
        """
        from sovrgit.objects.tree import EntryKind, TreeEntry
        from sovrgit.pod.treediff import walk
        from sovrgit.runs.log import read_log
        from sovrgit.runs.record import LOG_NAME

        identity = self._run(run)
        tree = self.repository.store.run(identity).log
        entries = walk(self.repository.store, TreeEntry(b"", EntryKind.DIRECTORY, tree, 0), b"") if tree else ()
        wanted = LOG_NAME.encode()
        for path, entry in entries:
            if path.rpartition(b"/")[2] == wanted:
                from io import BytesIO

                return list(read_log(BytesIO(b"".join(self.repository.store.stream(entry.id)))))
        raise PathNotFound(path=LOG_NAME, where=f"the log of run {identity.short}", hint="")

    def rerun(
        self,
        run: str = "HEAD",
        *,
        keep: Where | None = None,
        timeout: float | None = None,
        approve: Approve = False,
        events: Callable[[Event], None] | None = None,
    ) -> Repeated:
        """Repeat a run from its recorded inputs, in a clean place; the files of the pod are not touched.

        Args:
            run: an id, or a revision that a run made.
            keep: leave the folder that it ran in here.

        Raises:
            RunNotFound: if there is no such run.
            RunNotTrusted: as for `run`.
        """
        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.local import LocalExecutor
        from sovrgit.runs.repeat import rerun

        identity, request = self._approved(run, approve, timeout)
        place = None if keep is None else Path(keep)
        with Cancel() as cancel:
            return rerun(self.repository, identity, LocalExecutor(), request, events or _ignore, cancel, keep=place)

    def verify(
        self,
        run: str = "HEAD",
        *,
        timeout: float | None = None,
        approve: Approve = False,
        events: Callable[[Event], None] | None = None,
    ) -> Verified:
        """Repeat a run and compare the outputs file by file; the verdict is recorded.

        Raises:
            Unsupported: if the run did not succeed.
            RunNotFound, RunNotTrusted: as for `rerun`.
        """
        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.local import LocalExecutor
        from sovrgit.runs.repeat import verify

        identity, request = self._approved(run, approve, timeout)
        with Cancel() as cancel:
            return verify(self.repository, identity, LocalExecutor(), request, events or _ignore, cancel)

    # --- share ------------------------------------------------------------------------------------------------------

    def remotes(self) -> list[RemoteSetting]:
        """The remotes that the pod knows."""
        from sovrgit.remotes.locations import remotes

        return remotes(self.repository)

    def add_remote(self, name: str, location: Where) -> RemoteSetting:
        """Call a place by a name from now on. A relative path is taken from the pod's folder.

        Raises:
            RemoteExists: if the name is taken.
        """
        from sovrgit.remotes.locations import add_remote

        return add_remote(self.repository, name, os.fspath(location), self.root)

    def push(self, remote: str | None = None, *branches: str, runs: bool = False) -> Pushed:
        """Send the current branch, or those named, and everything that they need.

        Args:
            runs: also records of failed and repeated runs.

        Raises:
            RemoteUnknown: if there is no such remote.
            RemoteStale: if the remote has commits that are not here.
        """
        from sovrgit.actions import push_pod

        name = self._remote(remote)
        return push_pod(self.repository, name, time_ns=self._clock(), branches=branches, with_runs=runs)

    def fetch(self, remote: str | None = None, *, accept_divergence: bool = False) -> Fetched:
        """Get what a remote has, without touching the files here.

        Raises:
            RemoteUnknown, RemoteUnavailable, RemoteDiverged, RemoteDamaged: as the remote gives cause.
        """
        from sovrgit.remotes.fetch import FetchRequest, fetch
        from sovrgit.remotes.locations import open_remote

        name = self._remote(remote)
        request = FetchRequest(name, self._clock(), accept_divergence)
        return fetch(self.repository, open_remote(self.repository, name), request)

    def pull(self, remote: str | None = None) -> int:
        """Fetch, and move the branch and its files forward; the number of paths that changed.

        Raises:
            HistoryDiverged: if both sides have moved on.
            LocalChanges: if a file that would change is changed locally.
            SovrError: as for `fetch`.
        """
        from sovrgit.actions import pull_pod

        return pull_pod(self.repository, self._remote(remote), time_ns=self._clock())[1]

    # --- details ----------------------------------------------------------------------------------------------------

    def _remote(self, name: str | None) -> str:
        from sovrgit.remotes.locations import default_remote

        return name or default_remote(self.repository)

    def _run(self, run: str | None) -> ObjectId:
        from sovrgit.pod.revisions import resolve_run

        if run is not None:
            return resolve_run(self.repository, run)
        latest = self.runs(1)
        if not latest:
            raise RunNotFound(run="the latest", hint="there is none yet")
        return latest[0].id

    def _request(self, approve: Approve, timeout: float | None, keep_env: Iterable[str]) -> RunRequest:
        from sovrgit.runs.record import RunRequest
        from sovrgit.runs.surroundings import child_environment

        # So that `python3` in a recipe is the Python that this program runs in.
        environment = child_environment(self._environ, keep=keep_env, first_on_path=Path(sys.executable).parent)
        asked = approve if callable(approve) else lambda _: bool(approve)
        return RunRequest(self.stamp(), environment, asked, timeout=timeout, clock=self._clock)

    def _approved(self, run: str, approve: Approve, timeout: float | None) -> tuple[ObjectId, RunRequest]:
        from sovrgit.actions import approve_recorded

        identity, request = self._run(run), self._request(approve, timeout, ())
        approve_recorded(self.repository, identity, request)
        return identity, request


def identity_of(author: str | None, environ: Mapping[str, str], repository: Repository | None) -> tuple[str, str]:
    """Name and address of whoever works here.

    Raises:
        IdentityUnknown: if nobody has said who.
    """
    if author is not None:
        name, _, rest = author.partition("<")
        return name.strip(), rest.rstrip("> ")
    settings = repository.config if repository is not None else None
    name = environ.get(env.AUTHOR_NAME.name) or (settings.get("user.name") if settings else None) or ""
    email = environ.get(env.AUTHOR_EMAIL.name) or (settings.get("user.email") if settings else None) or ""
    if not name:
        raise IdentityUnknown(hint="give `author=` to `sovrgit.open`, or set SOVR_AUTHOR_NAME")
    return name, email


def _inside(path: Where) -> bytes:
    """A path from the pod's root."""
    text = os.path.normpath(path)
    if os.path.isabs(text) or text.split(os.sep)[0] == os.pardir:
        raise PathNotFound(path=text, where="the pod", hint="paths are given from the pod's root")
    return b"" if text == os.curdir else os.fsencode(text)


def _ignore(_: object) -> None:
    """Nobody wants to know."""
