"""What every command is handed: the console, the pod, the user's settings, the clock."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sovrgit import env
from sovrgit.commands.completable import global_words, make_completable
from sovrgit.errors import InputNeeded, SovrError
from sovrgit.ui.console import Console, View, make_stream_safe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from click.shell_completion import CompletionItem

    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.signature import Signer
    from sovrgit.pod.config import Config
    from sovrgit.pod.pod import Pod
    from sovrgit.progress import Progress
    from sovrgit.remotes.networks import Networks
    from sovrgit.scopes import Scopes


@dataclass(slots=True)
class GlobalOptions:
    """What every command understands. `verbosity` is -1 for quiet, 1 and more for details."""

    as_json: bool = False
    verbosity: int = 0
    color: str = "auto"
    pager: bool = True
    yes: bool = False


class App:
    """The surroundings of one command."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.options = GlobalOptions()
        self.environ = environ
        self.folder = _here(environ)
        self.command = ""
        self.given: dict[str, str] = {}
        self.signs: bool | None = None
        self._pod: Pod | None = None
        self._told: set[str] = set()
        self._unknown: list[str] = []
        self._signer: list[Signer | None] = []

    # --- places -------------------------------------------------------------------------------------------------

    def change_folder(self, folder: str) -> None:
        """Work in another folder from now on."""
        path = self.folder / folder
        if not path.is_dir():
            raise click.UsageError(f"-C: `{folder}` is not a folder")
        self.folder = path

    @property
    def pod(self) -> Pod:
        """The pod that the current folder lies in.

        Raises:
            NotAPod: if it lies in none.
        """
        if self._pod is None:
            from sovrgit.pod.pod import Pod

            self.use(Pod.find(self.folder))
            assert self._pod is not None
        return self._pod

    @property
    def opened_pod(self) -> Pod | None:
        """The pod that was worked on, if there was one."""
        return self._pod

    def use(self, pod: Pod) -> None:
        """Work with a pod, such as one that was just made."""
        self._pod = pod
        pod.find_signer = self.signer

    def in_pod(self, path: str) -> bytes:
        """A path that the user typed, from the pod's root; empty for the root itself."""
        root = os.path.abspath(self.pod.root)
        full = os.path.abspath(self.folder / path)
        relative = os.path.relpath(full, root)
        if relative == os.curdir:
            return b""
        if relative.split(os.sep)[0] == os.pardir:
            raise click.UsageError(f"`{path}` is outside the pod at `{root}`")
        return os.fsencode(relative)

    @cached_property
    def user_config(self) -> Config:
        """The user's own settings."""
        from sovrgit.scopes import user_file

        def folder() -> Path:
            from platformdirs import user_config_path

            return user_config_path("sovr")

        return user_file(self.environ, folder)

    @property
    def settings(self) -> Scopes:
        """All settings: of the user, of the pod if one was opened, of the environment, and of this command."""
        from sovrgit.scopes import Scopes

        pod = self._pod.config if self._pod is not None else None
        return Scopes(self.user_config, pod, self.environ, self.given)

    def setting(self, name: str) -> str | None:
        """The value of a setting that counts here; tells once of one in the pod's file that does not."""
        settings = self.settings
        ignored = settings.ignored(name)
        if ignored is not None and name not in self._told:
            self._told.add(name)
            self.console.warn(
                f"`{name}` in `{ignored.origin}` is ignored, because it {ignored.ignored}; "
                f"`sovr config --user {name} VALUE` sets it for you"
            )
        return settings.get(name)

    def give(self, text: str) -> None:
        """Set something for this command only, as `NAME=VALUE` says."""
        from sovrgit.settings import known, normal

        name, equals, value = text.partition("=")
        if not equals or "." not in name.strip("."):
            raise click.UsageError(f"-c: a setting is written SECTION.KEY=VALUE, not `{text}`")
        setting = known(name)
        if setting is not None and (wrong := setting.check(value)):
            raise click.UsageError(f"-c: `{name}` {wrong}")
        if setting is None:
            self._unknown.append(name)  # told when it is known how
        self.given[normal(name)] = value

    def warn_unknown(self, name: str) -> None:
        """Tell that a setting has no meaning, and which was probably meant."""
        _warn_unknown(self.console, name)

    @property
    def networks(self) -> Networks:
        """How this user reaches networks."""
        from sovrgit.commands.accounts import networks

        return networks(self)

    # --- who and when -------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """The time, in nanoseconds since 1970."""
        fixed = self.environ.get(env.DATE.name)
        if fixed is None:
            return time.time_ns()
        if not fixed.isdecimal():
            raise click.UsageError(f"{env.DATE.name}: `{fixed}` is not a number of seconds")
        return int(fixed) * 1_000_000_000

    def author(self) -> Stamp:
        """Who works here, and when."""
        from sovrgit.objects.commit import Stamp

        seconds = self.now_ns() // 1_000_000_000
        zone = 0 if env.DATE.name in self.environ else (time.localtime(seconds).tm_gmtoff or 0) // 60
        name = self.setting("user.name")
        email = self.setting("user.email") or ""
        if not name:
            name, email = self._guess_author(email)
        return Stamp(name, email, seconds, zone)

    def _guess_author(self, email: str) -> tuple[str, str]:
        """The name that Git or the system knows: a first commit should not fail for want of a setting."""
        from sovrgit.commands.identity import guess_identity

        guessed = guess_identity(self.environ)
        self.console.note(f"committing as {guessed.name}; `sovr config --user user.name NAME` changes it", level=1)
        return guessed.name, email or guessed.email

    def signer(self) -> Signer | None:
        """What signs the commits and records that are made, or None; `signs` wins over the setting.

        Raises:
            SigningKeyMissing: if they are to be signed and there is no key.
        """
        if not self._signer:
            from sovrgit.commands.signatures import find_signer

            self._signer.append(find_signer(self, self.signs))
        return self._signer[0]

    # --- talking ------------------------------------------------------------------------------------------------

    @cached_property
    def console(self) -> Console:
        """Where output goes. Made when it is first used, after the options are known."""
        made = self._make_console()
        for name in self._unknown:
            _warn_unknown(made, name)
        return made

    def show(self, view: View) -> None:
        """Show a result."""
        self.console.show(view)

    def paged(self) -> AbstractContextManager[None]:
        """Send what is printed inside the block through a pager, if that is wanted."""
        from sovrgit.ui.pager import DEFAULT_PAGER, paged

        command = None
        if self.options.pager:
            chosen = (self.setting("core.pager"), self.environ.get(env.PLAIN_PAGER.name))
            command = next((value for value in chosen if value is not None), DEFAULT_PAGER)
        return paged(self.console, command, self.environ)

    @cached_property
    def progress(self) -> Progress:
        """Where long operations tell how far they are."""
        from sovrgit.progress import SILENT

        if not self.console.lively:
            return SILENT
        from sovrgit.ui.progressbar import ProgressLine

        return ProgressLine(sys.stderr, self.console.width)

    @property
    def may_ask(self) -> bool:
        """Whether there is somebody to ask."""
        wanted = not self.environ.get(env.NO_INPUT.name) and not self.options.as_json
        return wanted and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, answer: str) -> bool:
        """Ask a question; `answer` says how a script answers it.

        Raises:
            InputNeeded: if there is nobody to ask.
        """
        if self.options.yes:
            return True
        if not self.may_ask:
            raise InputNeeded(question=question, answer=answer)
        return click.confirm(question, err=True)

    def report(self, error: SovrError) -> None:
        """Tell of an error."""
        causes: list[str] = []
        cause, told = error.__cause__, {id(error)}
        while cause is not None and id(cause) not in told:
            told.add(id(cause))
            causes.append(str(cause) or type(cause).__name__)
            cause = cause.__cause__
        if self.options.as_json:
            fields = {name: str(value) for name, value in error.fields.items()}
            self.console.failure(
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
            self.console.note(error.message)
        else:
            self.console.error(error.message, causes, error.hint)

    def report_usage(self, message: str, hint: str, *, code: str = "Usage", exit_code: int = 2) -> None:
        """Tell of a command line that makes no sense, or of another failure that is none of our errors."""
        if self.options.as_json:
            self.console.failure(
                {"code": code, "exit_code": exit_code, "message": message, "causes": [], "hint": hint, "fields": {}}
            )
        else:
            self.console.error(message, (), hint)

    def flush(self) -> None:
        """Bring everything that was printed to its readers.

        Raises:
            StorageFull, StorageFailure: if it cannot be written.
        """
        try:
            self.console.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            from sovrgit.store.files import storage_error

            raise storage_error(error, "standard output") from error

    def close(self) -> None:
        """Let go of the pod."""
        if self._pod is not None:
            self._pod.close()

    def _make_console(self) -> Console:
        make_stream_safe(sys.stdout)
        make_stream_safe(sys.stderr)
        out_terminal, err_terminal = sys.stdout.isatty(), sys.stderr.isatty()
        dumb = self.environ.get("TERM") == "dumb"
        chosen = self.options.color
        if chosen == "auto" and self.environ.get(env.FORCE_COLOR.name):
            chosen = "always"
        if chosen == "auto" and self.environ.get(env.NO_COLOR.name):
            chosen = "never"

        def coloured(terminal: bool) -> bool:
            return chosen == "always" or (chosen == "auto" and terminal and not dumb)

        quiet = self.options.verbosity < 0 or self.options.as_json or bool(self.environ.get(env.NO_PROGRESS.name))
        return Console(
            out=sys.stdout,
            err=sys.stderr,
            colour=coloured(out_terminal),
            err_colour=coloured(err_terminal),
            terminal=out_terminal,
            lively=err_terminal and not dumb and not quiet,
            width=shutil.get_terminal_size().columns,
            verbosity=self.options.verbosity,
            as_json=self.options.as_json,
            command=self.command,
        )


def _warn_unknown(console: Console, name: str) -> None:
    from sovrgit.settings import nearest

    near = nearest(name)
    meant = f"; did you mean `{near}`?" if near else "; `sovr help configuration` lists those that do"
    console.warn(f"`{name}` means nothing to sovr{meant}")


def _here(environ: Mapping[str, str]) -> Path:
    """The current folder; where it was, if it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(environ.get("PWD") or os.sep)


# --- making commands --------------------------------------------------------------------------------------------


class SovrCommand(click.Command):
    """A command that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        make_completable(self.params)
        self.params += global_options()

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The options of the command, and those of all commands."""
        found = super().shell_complete(ctx, incomplete)
        return found + global_words(incomplete) if incomplete.startswith("-") else found


def sovr_command(name: str, **attributes: Any) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command out of a function that gets the `App` first and returns an exit code, or None for 0."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        return click.command(name, cls=SovrCommand, **attributes)(click.pass_obj(function))

    return decorate


def global_options() -> list[click.Parameter]:
    """The options that every command takes, each of which changes the `App`'s options."""

    def option(*names: str, sets: Callable[[GlobalOptions, Any], None], **attributes: Any) -> click.Option:
        def apply(ctx: click.Context, _: click.Parameter, value: Any) -> None:
            if value not in (None, False, 0):
                sets(ctx.ensure_object(App).options, value)

        return click.Option(names, expose_value=False, hidden=True, is_eager=True, callback=apply, **attributes)

    return [
        option("--json", is_flag=True, sets=lambda options, _: setattr(options, "as_json", True)),
        option("-q", "--quiet", is_flag=True, sets=lambda options, _: setattr(options, "verbosity", -1)),
        option("-v", "--verbose", count=True, sets=lambda options, value: setattr(options, "verbosity", value)),
        option(
            "--color",
            type=click.Choice(["always", "never", "auto"]),
            sets=lambda options, value: setattr(options, "color", value),
        ),
        option("--no-pager", is_flag=True, sets=lambda options, _: setattr(options, "pager", False)),
        option("-y", "--yes", is_flag=True, sets=lambda options, _: setattr(options, "yes", True)),
    ]
