"""How stand-ins on this machine are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import human_time

if TYPE_CHECKING:
    from sovrgit.devnet.background import Running

DEFAULT_PORT = 9090
"""The port of FairOS-DFS itself."""

DEFAULT_GOLEM_PORT = 7475
"""Ten more than that of the Golem daemon itself: both can run, and nobody takes one for the other."""


@dataclass(frozen=True, slots=True)
class GolemShown:
    """What is shown of the Golem stand-in.

    Attributes:
        stopped: the one that was ended.
        environment: the file that a shell reads before a requestor script is run.
        sandbox: what keeps commands apart from this machine.
        reason: why nothing does, if nothing does.
        providers: how many there are.
        images: those that were named: the name, the SHA3-224, and the path that it was taken from.
    """

    running: Running | None
    stopped: Running | None = None
    environment: str | None = None
    sandbox: str | None = None
    reason: str | None = None
    providers: int | None = None
    images: tuple[tuple[str, str, str], ...] = ()

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.running is None:
            return
        console.line(f"Golem stand-in at {console.style(self.running.url, 'bold')}, with {self.providers} providers")
        if self.sandbox == "none":
            console.line(f"what they run is NOT kept apart from this machine: {console.safe(str(self.reason))}")
        else:
            console.line("what they run is kept apart from this machine, and has no network")
        for name, _, path in self.images:
            console.line(f"the image {console.safe(name)} is {console.safe(path)}")

    def hint(self, console: Console) -> None:
        """Say how to use it."""
        if self.running is not None and self.environment is not None:
            file = console.safe(self.environment)
            console.hint(f"`. {file}` sets YAGNA_APPKEY, YAGNA_API_URL and what else a requestor script needs")

    def document(self) -> dict[str, Any]:
        """Its part of the JSON document."""
        about = self.running or self.stopped
        return {
            "running": self.running is not None,
            "url": about.url if about else None,
            "port": about.port if about else None,
            "folder": about.folder if about else None,
            "environment": self.environment,
            "sandbox": self.sandbox,
            "reason": self.reason or None,
            "providers": self.providers,
            "images": [{"name": name, "sha3": sha3, "path": path} for name, sha3, path in self.images],
        }


@dataclass(frozen=True, slots=True)
class DevnetView:
    """Shows the stand-ins: where they are, or that there are none.

    `running` and `stopped` are about FairOS: the one that runs, and the one that was ended. `log` is the file that
    tells of the calls of both, None if they run in this process. `golem` is the other one.
    """

    running: Running | None
    log: str | None = None
    stopped: Running | None = None
    golem: GolemShown = GolemShown(None)

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            if self.running is not None:
                console.line(self.running.url)
            return
        if self.running is None:
            self._text_of_none(console)
            return
        console.line(f"FairOS stand-in at {console.style(self.running.url, 'bold')}")
        console.line(f"data in {console.safe(self.running.folder)}")
        self.golem.text(console)
        if console.verbosity > 0:
            console.line(f"process {self.running.pid}, since {human_time(self.running.started)}")
            if self.log is not None:
                console.line(f"log in {console.safe(self.log)}")
        if self.log is not None:
            # The default port is the one where `sovr` looks for a server.
            server = "" if self.running.port == DEFAULT_PORT else f" --server {self.running.url}"
            self.golem.hint(console)
            console.hint(f"`sovr login --new --user NAME{server}` makes an account; `sovr devnet stop` ends it")
        else:
            self.golem.hint(console)
            console.hint("press Ctrl-C to end it")

    def _text_of_none(self, console: Console) -> None:
        if self.stopped is not None:
            console.note(f"stopped; the data stays in {self.stopped.folder}")
            return
        console.note("no stand-in is running")
        console.hint("`sovr devnet start` starts one")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        about = self.running or self.stopped
        return {
            "fairos": {
                "running": self.running is not None,
                "url": about.url if about else None,
                "port": about.port if about else None,
                "folder": about.folder if about else None,
                "pid": about.pid if about else None,
                "started": about.started if about else None,
                "log": self.log,
            },
            "golem": self.golem.document(),
        }
