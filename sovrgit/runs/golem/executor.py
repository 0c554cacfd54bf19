"""The executor of runs on Golem and on the devnet: requestor scripts as they are, and declared jobs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sovrgit.errors import InterpreterUnfit
from sovrgit.objects.codec import Value
from sovrgit.runs.executor import Cancel, Event, Finished, Outcome, Plan, Progress, Sink
from sovrgit.runs.golem.choice import Choice, Spending
from sovrgit.runs.golem.declared import DeclaredExecutor
from sovrgit.runs.golem.front.files import files_document, moved
from sovrgit.runs.golem.interpreter import Interpreter, check_interpreter
from sovrgit.runs.golem.jobs import DEVNET_HOLD, HOLD, Image, Job, make_job
from sovrgit.runs.golem.judge import Facts, judge
from sovrgit.runs.golem.leftovers import settle_leftovers
from sovrgit.runs.golem.observed import LimitHit, Observed
from sovrgit.runs.golem.results import TaskSeen
from sovrgit.runs.golem.script import PATIENCE, run_script
from sovrgit.runs.golem.scrub import Scrubber
from sovrgit.runs.golem.session import KEPT, Around, Session, found_daemon, opened
from sovrgit.runs.golem.tasks import read_tasks
from sovrgit.runs.golem.trouble import refusal_in
from sovrgit.runs.local import LocalExecutor, LogFile
from sovrgit.runs.log import MAX_SIZE

SETTLING = 30.0
SETTLING_FORCED = 10.0
"""Seconds to end what a run has left open; and when the user insists on an end."""


@dataclass(slots=True)
class GolemExecutor:
    """Runs a recipe on Golem or on the devnet.

    Nothing is spent beyond `spending`, and nothing is left open when `run` has ended, however it ends. The key of the
    daemon reaches neither the script nor anything that is kept.

    Attributes:
        python: the interpreter for requestor scripts; None if there is none with yapapi.
        subnet: where providers are looked for; where the script says if it is empty.
        image: what the image of a declared job was locked to; as the recipe names it if None.
        avoid: ids of providers that a declared job gets only if there are no others, and with `only_new` not at all.
        hold: seconds in which others may offer; None for as long as is usual where it runs.
    """

    choice: Choice
    spending: Spending
    around: Around
    python: Path | None
    subnet: str = ""
    image: Image | None = None
    avoid: frozenset[str] = frozenset()
    only_new: bool = False
    hold: float | None = None
    patience: float = PATIENCE
    log_limit: int = MAX_SIZE
    _interpreter: Interpreter | None = None
    _job: Job | None = None
    _versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The executor's name in records and options; the class of executors in the run key."""
        return self.choice.place

    @property
    def mode(self) -> str:
        """How it takes a recipe: `script` or `declared`."""
        return self.choice.mode

    @property
    def digest(self) -> str:
        """That of the image of a declared job: of its lock, or of the recipe itself."""
        return self.image.hash if self.image is not None and self.mode == "declared" else ""

    def versions(self) -> dict[str, str]:
        """The versions, by name, of what the result may depend on."""
        return dict(self._versions)

    def prepare(self, plan: Plan) -> None:
        """Make the folders, check the interpreter, and make the job of a recipe that declares one.

        Raises:
            InterpreterUnfit: if yapapi is needed and the interpreter does not have it.
            RecipeInvalid, Unsupported: if the job cannot be run, or could cost more than the budget.
            PathNotFound: if the pod's folder is not there.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        LocalExecutor().prepare(plan)
        if self.choice.needs_python:
            if self.python is None:
                raise InterpreterUnfit(python="python3", reason="yapapi is not installed where sovr is")
            self._interpreter = check_interpreter(self.python, plan.environment)
            self._versions = {"python": self._interpreter.python, **self._interpreter.packages}
        if self.mode == "declared":
            self._job = self._make_job(plan)
            self._declared(self._job, {}, self.around.folder).prepare(plan)

    def run(self, plan: Plan, sink: Sink, cancel: Cancel) -> Outcome:
        """Run the plan to its end, as `Executor.run` says. Some events come from other threads, one at a time.

        Raises:
            GolemUnavailable, GolemKeyRefused, GolemTooOld, GolemNetworkWrong, GolemWithoutFunds: if it cannot begin.
            StorageFull, ReadOnly, StorageFailure: if the log cannot be kept.
        """
        lock = threading.RLock()

        def serial(event: Event) -> None:
            with lock:
                sink(event)

        with Cancel() as stop:

            def tell(seen: Observed | TaskSeen) -> None:
                serial(Progress(seen))
                if isinstance(seen, LimitHit):
                    stop.request()

            limits = self.spending.limits
            network = self.spending.network
            with found_daemon(self.choice.place, self.around, network, limits.budget, plan.folder) as daemon:
                self._versions["yagna"] = daemon.version
                left = settle_leftovers(self.around.folder, daemon)
                with opened(
                    daemon, self.around, self.spending, plan.environment, self.python, self.subnet, tell
                ) as session:
                    outcome = self._run(plan, session, serial, cancel, stop, left)
        serial(Finished(outcome))
        return outcome

    def _run(
        self, plan: Plan, session: Session, sink: Sink, cancel: Cancel, stop: Cancel, earlier: list[str]
    ) -> Outcome:
        scrubber = Scrubber([session.daemon.app_key, session.gateway.key])
        try:
            if self._job is not None:
                ended = self._run_job(self._job, plan, session, sink, cancel, stop)
            else:
                with LogFile(plan.log_file, self.log_limit) as log:
                    for text in earlier:
                        log.note(f"an earlier run has left open: {scrubber.text(text)}")
                    mine = replace(plan, environment=session.environment)
                    ended = run_script(mine, sink, cancel, log, scrubber, stop, self.patience)
        finally:
            session.left = session.gateway.settle(SETTLING_FORCED if cancel.forced else SETTLING)
            session.keep(plan.log_file.parent)
        outcome = self._judged(ended, plan, session)
        with LogFile(plan.log_file, self.log_limit, append=True) as log:
            for text in (outcome.reason, *(f"could not be ended: {left}" for left in session.left)):
                if text:
                    log.note(scrubber.text(text))
        for folder in (plan.log_file.parent, *(plan.folder / output for output in plan.outputs)):
            scrubber.folder(folder, session.folder)
        return outcome

    # --- declared jobs ------------------------------------------------------------------------------------------

    def _make_job(self, plan: Plan) -> Job:
        limits = self.spending.limits
        if plan.recipe is None:
            raise ValueError("a declared job needs the recipe")
        job = make_job(
            plan.recipe,
            plan.folder,
            plan.command,
            prices=limits.caps,
            budget=limits.budget,
            network=self.spending.network,
            subnet=self.subnet,
            image=self.image,
            variables=plan.variables,
            seconds=plan.timeout,
        )
        usual = HOLD if self.name == "golem" else DEVNET_HOLD
        hold = usual if self.hold is None else self.hold
        return replace(job, avoid=tuple(sorted(self.avoid)), only_new=self.only_new, hold=hold)

    def _declared(self, job: Job, environment: Mapping[str, str], scratch: Path) -> DeclaredExecutor:
        return DeclaredExecutor(
            job, str(self.python), environment, scratch, self.name, patience=self.patience, log_limit=self.log_limit
        )

    def _run_job(self, job: Job, plan: Plan, session: Session, sink: Sink, cancel: Cancel, stop: Cancel) -> Outcome:
        inner = self._declared(job, session.environment, session.folder)
        inner.tell = lambda seen: sink(Progress(seen))
        inner.stop = stop
        # The end of the run is told when everything is ended.
        outcome = inner.run(plan, lambda event: None if isinstance(event, Finished) else sink(event), cancel)
        self._versions.update(inner.versions())
        return outcome

    # --- the record ---------------------------------------------------------------------------------------------

    def _judged(self, ended: Outcome, plan: Plan, session: Session) -> Outcome:
        files = list(moved(session.notes))
        tasks = read_tasks(session.events)
        golem: dict[str, Value] = {
            **session.gateway.receipts(),
            **ended.golem,
            "mode": self.mode,
            "emulated": session.daemon.emulated,
            "network": self.spending.network,
            "platform": self.spending.platform,
            "requestor": session.daemon.requestor,
            "daemon": session.daemon.version,
        }
        if self._interpreter is not None:
            golem["sdk"] = dict(self._interpreter.packages)
        if session.daemon.sandbox:
            golem.setdefault("sandbox", session.daemon.sandbox)
        golem["files"], dropped = files_document(files, plan.folder)
        if "tasks" not in golem:
            golem["tasks"], more = tasks.document()
            dropped += more
        for kept, key in zip(KEPT.values(), ("calls", "events"), strict=True):
            if (plan.log_file.parent / kept).is_file():
                golem[key] = str((plan.log_file.parent / kept).relative_to(plan.folder))
        if self.image is not None or (self._job is not None and plan.recipe and plan.recipe.golem):
            assert plan.recipe is not None and plan.recipe.golem is not None
            golem["image"] = {**_map(golem.get("image")), "requested": plan.recipe.golem.image or ""}
        if session.gateway.stopped:
            golem["stopped"] = session.gateway.stopped
        if session.left:
            golem["left"] = list(session.left)
        before = golem.pop("dropped", 0)
        if dropped := dropped + (before if isinstance(before, int) else 0):
            golem["dropped"] = dropped
        facts = Facts(
            golem,
            tasks,
            files,
            [plan.folder / output for output in plan.outputs],
            session.gateway.stopped,
            refusal_in(session.calls) if ended.status == "failed" else "",
            declared=self._job is not None,
        )
        return replace(judge(ended, facts), golem={name: value for name, value in golem.items() if value != []})


def _map(value: Value) -> dict[str, Value]:
    return dict(value) if isinstance(value, Mapping) else {}
