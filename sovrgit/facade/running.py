"""The Python API: runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, Unpack

from sovrgit.errors import PathNotFound, RunNotFound
from sovrgit.facade.base import Where
from sovrgit.facade.placing import Place, Placing

if TYPE_CHECKING:
    from sovrgit.lineage.index import KnownRun
    from sovrgit.objects.ids import ObjectId
    from sovrgit.runs.executor import Event
    from sovrgit.runs.log import LogLine
    from sovrgit.runs.record import RunRequest
    from sovrgit.runs.repeat import Repeated
    from sovrgit.runs.reused import Finder
    from sovrgit.runs.run import RunResult
    from sovrgit.runs.trust import Proposal
    from sovrgit.runs.verification import Verification


Approve: TypeAlias = "bool | Callable[[Proposal], bool]"
"""Whether scripts of somebody else may run, or a function that is asked."""

ReuseRule: TypeAlias = Literal["own", "trusted", "any"]
"""Whose results may be taken."""


def _ignore(_: object) -> None:
    """Nobody wants to know."""


class Running(Placing):
    """Runs, their logs, repeats and verdicts."""

    def run(
        self,
        *arguments: str,
        parameters: Mapping[str, str] | None = None,
        force: bool = False,
        reuse: ReuseRule = "own",
        trusted: Mapping[str, str] | None = None,
        timeout: float | None = None,
        keep_env: Iterable[str] = (),
        allow_empty: bool = False,
        commit_failed: bool = False,
        approve: Approve = False,
        events: Callable[[Event], None] | None = None,
        **place: Unpack[Place],
    ) -> RunResult:
        """Run the pod as its recipe says, and record and commit the result. A known result is taken as it is.

        A command that fails is no exception: `result.run.succeeded` tells, and the run is recorded.

        Args:
            arguments: added to the command.
            parameters: reach the command as `SOVR_PARAM_<NAME>`.
            force: run even if the result is known.
            reuse: whose results may be taken: `own` for those of this pod, `trusted` for those that a trusted key
                stands for, found at its remotes and in registries, `any` for all. `result.found` says whose it is.
            trusted: names of keys by address, as `sovr trust key` gives them; the user's own list if None.
            timeout: seconds.
            keep_env: names of environment variables to pass on, and record, beyond the usual ones.
            approve: for pods of other people.
            events: told of every start, piece of output and end, as it happens, and of what is seen on Golem.
            place: where to run it, and what it may cost there, as `sovrgit.facade.placing.Place` says. Recipes for
                Golem run on the devnet if nothing is said, all others on this machine.

        Raises:
            RecipeInvalid, Unsupported: if there is nothing that can be run.
            RunNotTrusted: if the scripts are somebody else's and were not approved.
            PayloadUnavailable, PayloadChanged: if payload of another pod cannot be had as it was locked.
            PayloadClash: if it cannot be placed.
            SpendingRefused: if not enough is said to spend anything.
            GolemUnavailable, GolemKeyRefused, GolemTooOld, GolemNetworkWrong, GolemWithoutFunds, InterpreterUnfit: if
                it cannot begin on Golem.
            Locked: if the pod runs already.
        """
        from dataclasses import replace

        from sovrgit.actions import supply_run
        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.run import run_pod

        request = replace(
            self._request(approve, timeout, keep_env),
            arguments=arguments,
            parameters=dict(parameters or {}),
            force=force,
            find=None if force else self._finder(reuse, trusted),
            allow_empty=allow_empty,
            commit_failed=commit_failed,
        )
        executor = self._executor(place, timeout)
        request = supply_run(
            self.repository, request, time_ns=self._clock(), mode=executor.mode, networks=self._networks()
        )
        with Cancel() as cancel:
            return run_pod(self.repository, executor, request, events or _ignore, _ignore, cancel)

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
        **place: Unpack[Place],
    ) -> Repeated:
        """Repeat a run from its recorded inputs, in a clean place; the files of the pod are not touched.

        Args:
            run: an id, or a revision that a run made.
            keep: leave the folder that it ran in here.
            place: as for `run`; where the recorded run was if nothing is said.

        Raises:
            RunNotFound: if there is no such run.
            RunNotTrusted, PayloadUnavailable: as for `run`.
        """
        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.repeat import rerun

        identity, request = self._approved(run, approve, timeout)
        executor = self._executor(place, timeout, self.repository.store.run(identity))
        kept = None if keep is None else Path(keep)
        with Cancel() as cancel:
            return rerun(self.repository, identity, executor, request, events or _ignore, cancel, keep=kept)

    def verify(
        self,
        run: str = "HEAD",
        *,
        times: int | None = None,
        providers: int | None = None,
        exact: bool = False,
        timeout: float | None = None,
        approve: Approve = False,
        events: Callable[[Event], None] | None = None,
        **place: Unpack[Place],
    ) -> Verification:
        """Repeat a run and compare the outputs, each as the recipe says; every repeat leaves a verdict.

        Args:
            times: how often to repeat it; once, or as often as `providers` needs.
            providers: how many different providers shall repeat it, those of the run not counted; `short` of the result
                says why there were fewer.
            exact: compare byte by byte, whatever the recipe allows.
            place: as for `rerun`.

        Raises:
            Unsupported: if the run did not succeed, or providers are wanted where there are none.
            ProvidersTooFew: if no provider could be had at all.
            RunNotFound, RunNotTrusted: as for `rerun`.
        """
        from sovrgit.runs.executor import Cancel
        from sovrgit.runs.verification import Checks, verify

        checks = Checks(times, providers, exact)
        identity, request = self._approved(run, approve, timeout)
        executor = self._executor(place, timeout, self.repository.store.run(identity))
        with Cancel() as cancel:
            return verify(self.repository, identity, executor, request, events or _ignore, cancel, checks)

    def _finder(self, rule: ReuseRule, trusted: Mapping[str, str] | None, *, once: bool = False) -> Finder:
        from sovrgit.objects.commit import REUSE_RULES
        from sovrgit.reuse.deferred import deferred

        if rule not in REUSE_RULES:
            raise ValueError(f"`reuse` is one of {', '.join(REUSE_RULES)}, not {rule!r}")

        @cache
        def make() -> Finder:
            from sovrgit.reuse.finding import finder
            from sovrgit.reuse.judging import Keys

            if rule == "own":
                return finder(rule, Keys(find_own=self._own_address))
            names = self._known_keys() if trusted is None else trusted
            return finder(rule, Keys(names, self._own_address), self._networks(), once=once)

        return deferred(rule, make)

    def _own_address(self) -> str:
        from sovrgit.errors import SigningKeyMissing
        from sovrgit.signing.keeping import own_key

        networks = self._networks()
        try:
            return "" if networks is None else own_key(networks.secrets).key.address
        except SigningKeyMissing:
            return ""

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
        from sovrgit.actions import approve_recorded, supply_repeat

        identity, request = self._run(run), self._request(approve, timeout, ())
        approve_recorded(self.repository, identity, request)
        return identity, supply_repeat(
            self.repository, identity, request, time_ns=self._clock(), networks=self._networks()
        )
