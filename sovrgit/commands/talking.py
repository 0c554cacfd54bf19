"""How a command talks to whoever started it: its streams, and its failures."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from sovrgit import env
from sovrgit.errors import SovrError
from sovrgit.ui.console import Console, make_stream_safe


@dataclass(slots=True)
class GlobalOptions:
    """What every command understands. `verbosity` is -1 for quiet, 1 and more for details."""

    as_json: bool = False
    verbosity: int = 0
    color: str = "auto"
    pager: bool = True
    yes: bool = False


def make_console(options: GlobalOptions, environ: Mapping[str, str], command: str) -> Console:
    """Where output goes, as the options, the environment and the terminal have it."""
    make_stream_safe(sys.stdout)
    make_stream_safe(sys.stderr)
    out_terminal, err_terminal = sys.stdout.isatty(), sys.stderr.isatty()
    dumb = environ.get("TERM") == "dumb"
    chosen = options.color
    if chosen == "auto" and environ.get(env.FORCE_COLOR.name):
        chosen = "always"
    if chosen == "auto" and environ.get(env.NO_COLOR.name):
        chosen = "never"

    def coloured(terminal: bool) -> bool:
        return chosen == "always" or (chosen == "auto" and terminal and not dumb)

    quiet = options.verbosity < 0 or options.as_json or bool(environ.get(env.NO_PROGRESS.name))
    return Console(
        out=sys.stdout,
        err=sys.stderr,
        colour=coloured(out_terminal),
        err_colour=coloured(err_terminal),
        terminal=out_terminal,
        lively=err_terminal and not dumb and not quiet,
        width=shutil.get_terminal_size().columns,
        verbosity=options.verbosity,
        as_json=options.as_json,
        command=command,
    )


def report(console: Console, error: SovrError) -> None:
    """Tell of an error."""
    causes: list[str] = []
    cause, told = error.__cause__, {id(error)}
    while cause is not None and id(cause) not in told:
        told.add(id(cause))
        causes.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__
    if console.as_json:
        fields = {name: str(value) for name, value in error.fields.items()}
        console.failure(
            {
                "code": error.code,
                "exit_code": error.exit_code,
                "message": error.message,
                "causes": causes,
                "hint": error.hint,
                "fields": fields,
            }
        )
    elif error.exit_code == 1:
        # A negative answer is not an error.
        console.note(error.message)
    else:
        console.error(error.message, causes, error.hint)


def report_usage(console: Console, message: str, hint: str, *, code: str, exit_code: int) -> None:
    """Tell of a command line that makes no sense, or of another failure that is none of our errors."""
    if console.as_json:
        console.failure(
            {"code": code, "exit_code": exit_code, "message": message, "causes": [], "hint": hint, "fields": {}}
        )
    else:
        console.error(message, (), hint)


def warn_unknown(console: Console, name: str) -> None:
    """Tell that a setting has no meaning, and which was probably meant."""
    from sovrgit.settings import nearest

    near = nearest(name)
    meant = f"; did you mean `{near}`?" if near else "; `sovr help configuration` lists those that do"
    console.warn(f"`{name}` means nothing to sovr{meant}")
