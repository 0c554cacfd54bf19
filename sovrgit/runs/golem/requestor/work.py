"""What is done at a provider: set up once, then task after task, each judged before it counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from archives import BadArchive, scan
from market import Market
from plan import Plan, Task
from tell import tell
from yapapi import WorkContext
from yapapi.rest.activity import BatchTimeoutError, CommandExecutionError

_LOOK = 0.25
"""Seconds between two looks at the size of what arrives."""

_ROOM = 64 << 20
"""Bytes of an archive beyond the bytes of its files, so that many small ones fit."""


class Lie(Exception):
    """What a provider delivered is not what was asked for."""


class SetupFailed(Exception):
    """The wrapper could not begin with the job itself."""


class Works:
    """The tasks of the job and how often each was tried."""

    def __init__(self, plan: Plan, market: Market) -> None:
        self._plan = plan
        self._market = market
        self._attempts: dict[str, int] = {}
        self.left = {task.id for task in plan.tasks}
        self.given_up: dict[str, str] = {}

    async def worker(self, context: WorkContext, tasks: AsyncIterator[Any]) -> AsyncGenerator[Any, Any]:
        """What yapapi calls for every activity."""
        plan = self._plan
        try:
            script = context.new_script(timeout=timedelta(seconds=plan.deploy_seconds))
            script.deploy()
            script.start()
            yield script
            script = context.new_script(timeout=timedelta(seconds=plan.task_seconds))
            script.upload_file(plan.common, f"{plan.work}/.sovr-job/common.tar")
            script.upload_file(plan.wrapper, f"{plan.work}/.sovr-job/wrapper")
            yield script
        except Exception as error:
            self._market.failed(context.provider_id, _name(context), _words(error))
            raise
        self._market.began()
        tell("provider", id=context.provider_id, name=_name(context), state="ready", reason="")
        async for given in tasks:
            task: Task = given.data
            attempt = self._attempts[task.id] = self._attempts.get(task.id, 0) + 1
            place = Path(plan.scratch) / f"{task.id}-{attempt}"
            place.mkdir()
            about = {"id": task.id, "attempt": attempt, **_about(context)}
            tell("task", state="running", **about)
            try:
                async with _bounded(context, place, plan):
                    yield self._run(context, task, place)
                code = self._judge_run(place)
                async with _bounded(context, place, plan):
                    yield self._fetch(context, place)
                self._judge_output(place)
            except Exception as error:
                reason = _words(error)
                again = attempt < plan.attempts
                self._market.set_aside(context.provider_id, _name(context), reason)
                tell("task", state="failed", reason=reason, again=again, **about, **_texts(place))
                if not again:
                    self.given_up[task.id] = reason
                    self.left.discard(task.id)
                given.reject_result(reason, retry=again)
                raise  # which ends the agreement
            self.left.discard(task.id)
            tell("task", state="done", exit=code, output=str(place / "output.tar"), **about, **_texts(place))
            given.accept_result()

    def _run(self, context: WorkContext, task: Task, place: Path) -> Any:
        box = f"{self._plan.work}/.sovr-job"
        script = context.new_script(timeout=timedelta(seconds=self._plan.task_seconds))
        script.upload_file(task.upload, f"{box}/task.tar")
        script.run("/bin/sh", f"{box}/wrapper", self._plan.work)
        for name in ("code", "stdout", "stderr"):
            script.download_file(f"{box}/{name}", str(place / name))
        return script

    def _fetch(self, context: WorkContext, place: Path) -> Any:
        script = context.new_script(timeout=timedelta(seconds=self._plan.task_seconds))
        script.download_file(f"{self._plan.work}/.sovr-job/output.tar", str(place / "output.tar"))
        return script

    def _judge_run(self, place: Path) -> int:
        """The exit code of the job.

        Raises:
            Lie, SetupFailed: if it has none.
        """
        for name in ("code", "stdout", "stderr"):
            if not (place / name).is_file() or (place / name).is_symlink():
                raise Lie(f"no {name} was delivered")
        said = (place / "code").read_bytes()[:1000].decode("utf-8", "replace").strip()
        if said.startswith("setup "):
            raise SetupFailed(f"the job could not be set up: {said[6:300]}")
        if not said.isascii() or not said.isdigit() or int(said) > 255:
            raise Lie("an empty file was delivered as exit code" if not said else f"`{said[:50]}` is no exit code")
        return int(said)

    def _judge_output(self, place: Path) -> None:
        """Raises Lie if the output is not one."""
        try:
            scan(place / "output.tar", self._plan.output, self._plan.output_bytes)
        except (BadArchive, OSError) as error:
            raise Lie(f"the output that was delivered cannot be used: {error}") from None


@contextlib.asynccontextmanager
async def _bounded(context: WorkContext, place: Path, plan: Plan) -> AsyncIterator[None]:
    """End the activity if more arrives than may: nothing else would stop it."""
    excess: list[str] = []

    async def look() -> None:
        while True:
            await asyncio.sleep(_LOOK)
            for name, most in _limits(plan).items():
                with contextlib.suppress(FileNotFoundError):
                    if (place / name).stat().st_size > most:
                        excess.append(f"more than {most} bytes were delivered as {name}")
                        await context._activity.destroy()
                        return

    looking = asyncio.get_running_loop().create_task(look())
    try:
        yield
    except Exception as error:
        if excess:
            raise Lie(excess[0]) from error
        raise
    finally:
        looking.cancel()
    for name, most in _limits(plan).items():
        if (place / name).exists() and (place / name).stat().st_size > most:
            raise Lie(f"more than {most} bytes were delivered as {name}")


def _limits(plan: Plan) -> dict[str, int]:
    text = plan.text_bytes + 1000
    return {"code": 1000, "stdout": text, "stderr": text, "output.tar": plan.output_bytes + _ROOM}


def _texts(place: Path) -> dict[str, str]:
    return {name: str(place / name) for name in ("stdout", "stderr") if (place / name).is_file()}


def _about(context: WorkContext) -> dict[str, object]:
    provider = {"id": context.provider_id, "name": _name(context)}
    return {"provider": provider, "agreement": context._agreement.id, "activity": context.id}


def _name(context: WorkContext) -> str:
    return str(context.provider_name or "")


def _words(error: BaseException) -> str:
    """What went wrong, in one line of bounded length."""
    if isinstance(error, BatchTimeoutError):
        return "it took too long"
    if isinstance(error, CommandExecutionError):
        # The command as yapapi shows it holds paths of this machine.
        text = f"{error.command.split()[0]}: {error.message or 'failed'}"
    elif isinstance(body := getattr(error, "body", None), str):  # of an ApiException
        try:
            text = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            text = body
    else:
        text = "; ".join(dict.fromkeys(str(part) for part in error.args if part)) or type(error).__name__
    return " ".join(text.split())[:500]
