"""How that is shown which was run on a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.receipts import Provider
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.golemview import without_addresses

if TYPE_CHECKING:
    from sovrgit.runs.golem.printed import Printed


@dataclass(frozen=True, slots=True)
class ProviderLogView:
    """Shows commands with their results.

    `path` is that of the call log. `providers` are those of the activities. `only` chooses one stream.
    """

    run: ObjectId
    path: bytes
    providers: Mapping[str, Provider]
    printed: Sequence[Printed]
    only: str | None

    def text(self, console: Console) -> None:
        """Print it for people: with one stream alone, nothing but what was printed there."""
        activity = ""
        for command in self.printed:
            if self.only is None:
                if command.activity != activity:
                    activity = command.activity
                    provider = self.providers[activity]
                    console.line(console.style(console.safe(f"{provider.called} {provider.id}"), "cyan"))
                result = console.style(
                    command.result.lower() or "no result", "green" if command.result == "Ok" else "red"
                )
                console.line(f"> {console.safe(without_addresses(command.command))}  {result}")
                if command.message:
                    console.line(console.style(console.safe(command.message), "red"))
            if self.only != "stderr":
                self._stream(console, command.stdout)
            if self.only != "stdout":
                self._stream(console, command.stderr)

    def _stream(self, console: Console, said: str) -> None:
        for line in said.splitlines():
            console.line(console.safe(line))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "run": str(self.run),
            **path_fields(self.path),
            "commands": [
                {
                    "provider": self.providers[one.activity]._asdict(),
                    "activity": one.activity,
                    "time_ns": one.at,
                    "command": one.command,
                    "result": one.result,
                    "message": one.message,
                    **({"stdout": one.stdout} if self.only != "stderr" else {}),
                    **({"stderr": one.stderr} if self.only != "stdout" else {}),
                }
                for one in self.printed
            ],
        }
