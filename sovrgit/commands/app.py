"""What every command is handed: the console, the pod, the user's settings, the clock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sovrgit import env
from sovrgit.commands.talking import GlobalOptions, make_console, report, report_usage, warn_unknown
from sovrgit.errors import InputNeeded, SovrError
from sovrgit.ui.console import Console, View

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sovrgit.objects.commit import Stamp
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.signature import Signer
    from sovrgit.pod.config import Config
    from sovrgit.pod.pod import Pod
    from sovrgit.progress import Progress
    from sovrgit.remotes.networks import Networks
    from sovrgit.scopes import Scopes


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
        pod.supply = self._supply
        pod.find_signer = self.signer

    def _supply(self, wanted: Collection[ObjectId]) -> None:
        from sovrgit.remotes.supply import Supply

        Supply(self.pod, self.networks, self.progress)(wanted)

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
        warn_unknown(self.console, name)

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
        made = make_console(self.options, self.environ, self.command)
        for name in self._unknown:
            warn_unknown(made, name)
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
        report(self.console, error)

    def report_usage(self, message: str, hint: str, *, code: str = "Usage", exit_code: int = 2) -> None:
        """Tell of a command line that makes no sense, or of another failure that is none of our errors."""
        report_usage(self.console, message, hint, code=code, exit_code=exit_code)

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


def _here(environ: Mapping[str, str]) -> Path:
    """The current folder; where it was, if it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(environ.get("PWD") or os.sep)
