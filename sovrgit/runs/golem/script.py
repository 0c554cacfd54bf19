"""The executor of Golem runs: a requestor script as it is, behind the gateway and the front of `gftp`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sovrgit.errors import InterpreterUnfit
from sovrgit.objects.codec import Value
from sovrgit.runs.executor import Cancel, Event, Finished, Outcome, Plan, Sink
from sovrgit.runs.golem.choice import Choice, Spending
from sovrgit.runs.golem.front.files import files_document, moved
from sovrgit.runs.golem.interpreter import Interpreter, check_interpreter
from sovrgit.runs.golem.judge import Facts, judge
from sovrgit.runs.golem.scrub import Scrubber
from sovrgit.runs.golem.session import Around, Session, found_daemon, opened
from sovrgit.runs.golem.tasks import read_tasks
from sovrgit.runs.local import LocalExecutor, LogFile, run_command
from sovrgit.runs.log import MAX_SIZE

PATIENCE = 45.0
"""Seconds after SIGINT until the next signal: a script ends agreements, waits for invoices, frees its allocation."""


@dataclass(slots=True)
class GolemExecutor:
    """Runs a recipe on Golem or on the devnet.

    Attributes:
        python: the interpreter for requestor scripts; None if there is none with yapapi.
        subnet: where providers are looked for.
    """

    choice: Choice
    spending: Spending
    around: Around
    python: Path | None
    subnet: str = ""
    patience: float = PATIENCE
    log_limit: int = MAX_SIZE
    _interpreter: Interpreter | None = None
    _versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The executor's name in records and options."""
        return self.choice.place

    @property
    def mode(self) -> str:
        """How it takes a recipe."""
        return self.choice.mode

    def versions(self) -> dict[str, str]:
        """The versions, by name, of what the result may depend on."""
        return dict(self._versions)

    def prepare(self, plan: Plan) -> None:
        """Make the folders, and check the interpreter.

        Raises:
            InterpreterUnfit: if the script needs yapapi and the interpreter does not have it.
            PathNotFound: if the pod's folder is not there.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        LocalExecutor().prepare(plan)
        if self.choice.needs_python and self.python is None:
            raise InterpreterUnfit(python="python3", reason="yapapi is not installed where sovr is")
        if self.choice.needs_python and self.python is not None:
            self._interpreter = check_interpreter(self.python, plan.environment)
            self._versions = {"python": self._interpreter.python, **self._interpreter.packages}

    def run(self, plan: Plan, sink: Sink, cancel: Cancel) -> Outcome:
        """Run the plan to its end, as `Executor.run` says.

        Raises:
            GolemUnavailable, GolemKeyRefused, GolemTooOld, GolemNetworkWrong, GolemWithoutFunds: if it cannot begin.
            StorageFull, ReadOnly, StorageFailure: if the log cannot be kept.
        """
        lock = threading.Lock()

        def serial(event: Event) -> None:
            with lock:
                sink(event)

        with (
            found_daemon(
                self.choice.place, self.around, self.spending.network, self.spending.limits.budget, plan.folder
            ) as daemon,
            opened(daemon, self.around, self.spending, plan.environment, self.python, self.subnet) as session,
        ):
            self._versions["yagna"] = daemon.version
            outcome = self._run(replace(plan, environment=session.environment), session, serial, cancel)
        serial(Finished(outcome))
        return outcome

    def _run(self, plan: Plan, session: Session, sink: Sink, cancel: Cancel) -> Outcome:
        scrubber = Scrubber([session.daemon.app_key, session.environment["YAGNA_APPKEY"]])
        with LogFile(plan.log_file, self.log_limit) as log:
            ended = run_command(plan, sink, cancel, log, patience=self.patience, clean=scrubber.feed)
            outcome = self._judged(ended, plan, session, {})
            if outcome.reason:
                log.note(scrubber.text(outcome.reason))
        for folder in (plan.log_file.parent, *(plan.folder / output for output in plan.outputs)):
            scrubber.folder(folder, session.folder)
        return outcome

    def _judged(self, ended: Outcome, plan: Plan, session: Session, receipts: Mapping[str, Value]) -> Outcome:
        files = list(moved(session.notes))
        tasks = read_tasks(session.events)
        golem: dict[str, Value] = {
            **receipts,
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
            golem["sandbox"] = session.daemon.sandbox
        golem["files"], dropped = files_document(files, plan.folder)
        golem["tasks"], more = tasks.document()
        golem["dropped"] = int(str(golem.get("dropped", 0))) + dropped + more
        facts = Facts(golem, tasks, files, [plan.folder / output for output in plan.outputs])
        return replace(judge(ended, facts), golem=golem)
