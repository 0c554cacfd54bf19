"""Activities: what a provider does under an agreement. Each has a thread, a cell for its commands, and volumes."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from sovrgit.devnet.golem.agreements import Agreement
from sovrgit.devnet.golem.batches import Batch, Command, Output
from sovrgit.devnet.golem.faults import Kind
from sovrgit.devnet.golem.gvmi import VOLUMES
from sovrgit.devnet.golem.images import PACKAGE
from sovrgit.devnet.golem.providers import MEMORY_GIB, STORAGE_GIB
from sovrgit.devnet.golem.sandbox import Cell, CellGone, Limits
from sovrgit.devnet.golem.tools import Tools
from sovrgit.devnet.golem.transfers import TransferFailed, transfer
from sovrgit.devnet.golem.volumes import NotInContainer, Volumes
from sovrgit.devnet.golem.world import Refused, new_id

_GIB = 1 << 30
_LIMITS = Limits(int(MEMORY_GIB * _GIB), int(STORAGE_GIB * _GIB))
_BATCHES = 50
"""Batches of an activity that are remembered after they have finished."""

_DEAD = "GSB error: endpoint address not found: /public/exeunit/"
_GONE = "GSB error: Net: provider is not reachable"


class _Failed(Exception):
    """A command that failed: what is said about it."""


class Activity:
    """One activity. What can be read of it is read with the lock held.

    Attributes:
        state: Initialized, Deployed, Ready or Terminated.
        reason: why it ended, if not because its owner wanted it.
    """

    def __init__(self, agreement: Agreement, tools: Tools) -> None:
        self.id = new_id()
        self.agreement = agreement
        self.state = "Initialized"
        self.reason: str | None = None
        self._tools = tools
        self._world = tools.world
        self._provider = agreement.provider
        self._batches: dict[str, Batch] = {}
        self._waiting: deque[Batch] = deque()
        self._folder = tools.folder / self.id
        self._cell: Cell | None = None
        self._volumes: Volumes | None = None
        self._born = time.monotonic()
        self._lasted: float | None = None
        self._thread = threading.Thread(target=self._work, name=f"activity {self.id}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state == "Terminated"

    @property
    def usage(self) -> list[float]:
        """What has been used: seconds, and seconds of processor time by commands that have ended."""
        lasted = time.monotonic() - self._born if self._lasted is None else self._lasted
        return [round(lasted, 6), round(self._cell.cpu if self._cell is not None else 0.0, 6)]

    def execute(self, given: Any) -> str:
        """Take a batch. Its id."""
        self._check()
        batch = Batch.of(given)
        size = len(given["text"])
        if self._grant(batch, size) < size:
            self._tools.allowance.give(batch.charged)
            raise Refused(503, "there is no room for more commands")
        self._forget(_BATCHES)
        self._batches[batch.id] = batch
        self._waiting.append(batch)
        self._world.ring()
        return batch.id

    def results(self, batch_id: str, seconds: float, index: int | None) -> list[dict[str, Any]]:
        """The results so far; waits until the batch is finished, or the command with a number."""
        batch = self.batch(batch_id)
        self._world.wait(
            lambda: batch.finished or self.ended or (index is not None and len(batch.results) > index), seconds
        )
        if not batch.finished:
            self._check()
        return list(batch.results)

    def batch(self, batch_id: str) -> Batch:
        """A batch.

        Raises:
            Refused: if there is none, or nobody answers.
        """
        if self._provider.gone:
            raise Refused(500, _GONE)
        found = self._batches.get(batch_id)
        if found is None:
            raise Refused(404, f"Batch [{batch_id[:128]}] not found")
        return found

    def told(self) -> dict[str, Any]:
        """Its state, as the daemon tells it."""
        if self._provider.gone:
            raise Refused(500, _GONE)
        told: dict[str, Any] = {"state": [self.state, None]}
        return told | ({"reason": self.reason, "errorMessage": self.reason} if self.reason is not None else {})

    def end(self, reason: str | None = None) -> None:
        """End it, and everything that runs in it. Its thread then clears away what is left."""
        with self._world.changed:
            if self.ended:
                return
            self.state, self.reason = "Terminated", reason
            self._lasted = time.monotonic() - self._born
            cell = self._cell
            self._world.ring()
        if cell is not None:
            cell.shut()

    def forget(self) -> None:
        """Give up what is remembered of it."""
        self._forget(0)

    def join(self) -> None:
        """Wait until nothing is left of it."""
        self._thread.join()

    def _check(self) -> None:
        if self._provider.gone:
            raise Refused(500, _GONE)
        if self.ended:
            raise Refused(500, _DEAD + self.id)

    def _grant(self, batch: Batch, wanted: int) -> int:
        granted = self._tools.allowance.take(wanted)
        batch.charged += granted
        return granted

    def _forget(self, most: int) -> None:
        """Forget all batches over which nothing more will be said, but for the last ones."""
        done = [one for one in self._batches.values() if one.finished or self.ended]
        for batch in done[: max(len(done) - most, 0)]:
            del self._batches[batch.id]
            self._tools.allowance.give(batch.charged)

    # --- its thread ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._going():
                with self._world.changed:
                    self._world.changed.wait_for(lambda: self._waiting or self.ended or self._world.closed)
                    batch = self._waiting.popleft() if self._waiting and not self.ended else None
                if batch is not None:
                    self._run_batch(batch)
        finally:
            self.end()
            if self._cell is not None:
                self._cell.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            with self._world.changed:
                # The one that it ended with may still be asked for.
                self._forget(1)

    def _run_batch(self, batch: Batch) -> None:
        for index, command in enumerate(batch.commands):
            if self.ended:
                return
            outputs = self._outputs(batch, command)
            self._happened(batch, index, "started", {"command": command.document()})
            code, message = 0, None
            try:
                self._slowly()
                code, message = self._do(command, self._sink(batch, index, outputs))
            except (_Failed, TransferFailed, NotInContainer) as error:
                code, message = 1, str(error)
            except OSError as error:
                code, message = 1, f"{error.strerror or error}"
            except CellGone:
                self.end("the runtime has died")
            with self._world.changed:
                if self.state == "Terminated":
                    return
                texts = [outputs[name].text() for name in ("stdout", "stderr")]
                batch.ended(index, code, message, texts[0], texts[1], self._world.now())
                if command.kind == "terminate":
                    # With the lock held: whoever sees the end sees the result as well.
                    self.end()
                self._world.ring()
            if code:
                return

    def _outputs(self, batch: Batch, command: Command) -> dict[str, Output]:
        capture = command.body.get("capture")
        wanted = capture if isinstance(capture, dict) and command.kind == "run" else {}
        names = ("stdout", "stderr")
        return {name: Output(bool(wanted.get(name)), lambda size: self._grant(batch, size)) for name in names}

    def _sink(self, batch: Batch, index: int, outputs: dict[str, Output]) -> Callable[[str, bytes], None]:
        def take(name: str, data: bytes) -> None:
            text = outputs[name].add(data)
            if text:
                self._happened(batch, index, name, text)

        return take

    def _happened(self, batch: Batch, index: int, kind: str, what: Any) -> None:
        with self._world.changed:
            batch.happened(index, kind, what, self._world.now())
            self._world.ring()

    def _slowly(self) -> None:
        fault = self._tools.faults.take(Kind.SLOW_PROVIDER, self._provider.name)
        if fault is not None:
            self._world.pause(fault.much(5), lambda: self.ended)

    # --- commands -----------------------------------------------------------------------------------------------

    def _do(self, command: Command, sink: Callable[[str, bytes], None]) -> tuple[int, str | None]:
        match command.kind:
            case "deploy":
                self._expect("Initialized", "deploy")
                self._deploy()
            case "start":
                self._expect("Deployed", "start")
                self._advance("Ready")
            case "terminate":
                pass  # It ends together with its result.
            case "transfer":
                self._expect("Deployed", "transfer", "Ready")
                self._transfer(command)
            case "run":
                self._expect("Ready", "run")
                return self._run(command, sink)
            case _:
                raise _Failed("Runtime does not support this command")
        return 0, None

    def _going(self) -> bool:
        return not self.ended and not self._world.closed

    def _expect(self, state: str, kind: str, *others: str) -> None:
        if self.ended or self.state in (state, *others):
            return
        due = {"Initialized": "deploy()", "Deployed": "start()", "Ready": "run() or transfer()"}[self.state]
        raise _Failed(f"Activity is {self.state.lower()} - {due} command is expected now, not {kind}()")

    def _advance(self, state: str) -> None:
        with self._world.changed:
            if not self.ended:
                self.state = state

    def _deploy(self) -> None:
        image = self._tools.images.packed(self.agreement.asked.properties.get(PACKAGE))
        volumes = VOLUMES if image is None else image.config.volumes
        self._volumes = Volumes(self._folder, self._tools.sandbox.owner, volumes)
        base = self._folder / "root"
        base.mkdir(parents=True)
        try:
            cell = self._tools.sandbox.open(base, self._volumes.folders, image, memory=_LIMITS.memory)
        except CellGone as error:
            raise _Failed(f"Deploy failed: {error}") from error
        with self._world.changed:
            self._cell = cell
            if self.ended:
                return
            self.state = "Deployed"

    def _transfer(self, command: Command) -> None:
        assert self._volumes is not None
        broken = self._tools.faults.take(Kind.FAILED_TRANSFER, self._provider.name) is not None
        source, target = command.body["from"], command.body["to"]
        transfer(source, target, self._volumes, self._tools.published, broken=broken, going=self._going)

    def _run(self, command: Command, sink: Callable[[str, bytes], None]) -> tuple[int, str | None]:
        assert self._cell is not None
        if self._tools.faults.take(Kind.GONE, self._provider.name) is not None:
            with self._world.changed:
                self._provider.gone = True
            self.end("the provider has disappeared")
            raise CellGone
        crash = self._tools.faults.take(Kind.CRASH, self._provider.name)
        if crash is not None:
            self._world.later(crash.much(0), lambda: self.end("ExeUnit crashed: a fault of the stand-in"))
        argv = [command.body["entry_point"], *command.body.get("args", [])]
        if any("\0" in word for word in argv):
            raise _Failed("a command cannot contain a NUL")
        # The agreement ends then, and everything under it.
        seconds = (self.agreement.valid_to - self._world.now()).total_seconds()
        ended = self._cell.run(argv, _LIMITS, max(seconds, 0), sink)
        if crash is not None:
            self._world.wait(lambda: self.ended, crash.much(0) + 1)
        if ended.timed_out:
            return 1, "ExeScript command was killed: the agreement ends"
        if ended.code:
            code = ended.code if ended.code > 0 else 128 - ended.code
            return code, f"ExeScript command exited with code {code}"
        return 0, None
