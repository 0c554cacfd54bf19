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


@dataclass(frozen=True, slots=True)
class DevnetView:
    """Shows the FairOS stand-in: where it is, or that there is none.

    `log` is the file that tells of its calls, None if it runs in this process. `stopped` is the one that was ended.
    """

    running: Running | None
    log: str | None = None
    stopped: Running | None = None

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
        if console.verbosity > 0:
            console.line(f"process {self.running.pid}, since {human_time(self.running.started)}")
            if self.log is not None:
                console.line(f"log in {console.safe(self.log)}")
        if self.log is not None:
            # The default port is the one where `sovr` looks for a server.
            server = "" if self.running.port == DEFAULT_PORT else f" --server {self.running.url}"
            console.hint(f"`sovr login --new --user NAME{server}` makes an account; `sovr devnet stop` ends it")
        else:
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
            }
        }
