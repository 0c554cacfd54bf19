"""The Python API: tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Unpack

from sovrgit.facade.placing import Place
from sovrgit.facade.running import Approve, ReuseRule, Running

if TYPE_CHECKING:
    from sovrgit.tasks.events import TaskEvent
    from sovrgit.tasks.means import Means
    from sovrgit.tasks.plan import TaskPlan
    from sovrgit.tasks.record import TaskResult
    from sovrgit.tasks.run import TaskRequest


class Tasking(Running):
    """Pods whose recipe names other pods."""

    def plan_task(
        self,
        *,
        parameters: Mapping[str, str] | None = None,
        force: bool = False,
        update: bool = False,
        reuse: ReuseRule = "own",
        trusted: Mapping[str, str] | None = None,
        approve: Approve = False,
        **place: Unpack[Place],
    ) -> TaskPlan:
        """What `run_task` would do, and why. Nothing is run or committed; pods that are not here yet are got, and
        results of others that would be taken.

        Args:
            parameters, force, update, reuse, trusted, approve, place: as for `run_task`.

        Raises:
            RecipeInvalid, TaskInvalid, TaskPodUnavailable: if the task cannot be run.
            Locked: if it is being run.
        """
        from sovrgit.tasks.run import plan_task

        request = self._task_request(parameters, force, update, reuse, trusted)
        return plan_task(self.repository, request, self._means(place, approve, None))

    def run_task(
        self,
        *,
        parameters: Mapping[str, str] | None = None,
        force: bool = False,
        update: bool = False,
        reuse: ReuseRule = "own",
        trusted: Mapping[str, str] | None = None,
        jobs: int | None = None,
        keep_going: bool = False,
        timeout: float | None = None,
        allow_empty: bool = False,
        approve: Approve = False,
        events: Callable[[TaskEvent], None] | None = None,
        **place: Unpack[Place],
    ) -> TaskResult:
        """Run the pods of a task, each when what it needs is there, and record and commit the result.

        What is known is not run again. A pod that fails is no exception: `result.run.succeeded` tells, and the next
        call goes on from what has succeeded.

        Args:
            parameters: for every pod; those of a `matrix` win over them.
            force: run everything even if the results are known.
            update: get the pods that the recipe names anew from where they come.
            reuse, trusted: as for `run`, for the result of each pod; `planned.found` of its outcome says whose it is.
            jobs: how many run at the same time; as many as there are processors if None.
            keep_going: after a failure, go on with what does not depend on it.
            timeout: seconds for each pod.
            allow_empty: a pod without output counts as a success.
            approve: for scripts of other people, and for what tasks of other people name.
            events: told what happens, from several threads, one at a time.
            place: as for `run`; the budget is for all pods together.

        Raises:
            RecipeInvalid, TaskInvalid, TaskPodUnavailable: if the task cannot be run.
            RunNotTrusted: if scripts are somebody else's and were not approved.
            SpendingRefused: if not enough is said to spend anything.
            Locked: if it is being run.
        """
        from dataclasses import replace

        from sovrgit.runs.executor import Cancel
        from sovrgit.tasks.run import run_task

        request = replace(
            self._task_request(parameters, force, update, reuse, trusted),
            timeout=timeout,
            allow_empty=allow_empty,
            jobs=jobs or os.cpu_count() or 1,
            keep_going=keep_going,
        )
        with Cancel() as cancel:
            return run_task(
                self.repository,
                request,
                self._means(place, approve, timeout),
                events or (lambda _: None),
                lambda *_: None,
                cancel,
            )

    def _task_request(
        self,
        parameters: Mapping[str, str] | None,
        force: bool,
        update: bool,
        reuse: ReuseRule,
        trusted: Mapping[str, str] | None,
    ) -> TaskRequest:
        from sovrgit.tasks.finding import Reusing
        from sovrgit.tasks.run import TaskRequest

        usual = self._request(False, None, ())
        return TaskRequest(
            usual.author,
            usual.environment,
            parameters=dict(parameters or {}),
            force=force,
            clock=self._clock,
            update=update,
            reusing=None if force else Reusing(reuse, self._finder(reuse, trusted, once=True)),
        )

    def _means(self, place: Place, approve: Approve, timeout: float | None) -> Means:
        from sovrgit.tasking import means_for

        return means_for(
            self.repository,
            self._wish(place),
            self._environ,
            self._find_devnet,
            lambda *_: False,
            author=self.stamp(),
            time_ns=self._clock(),
            approve=self._request(approve, None, ()).approve,
            timeout=timeout,
            networks=self._networks(),
        )
