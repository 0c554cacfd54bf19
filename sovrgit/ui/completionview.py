"""The scripts that let shells complete, which lie in `sovrgit/ui/completion`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from sovrgit.ui.console import Console

SHELLS: Final = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class ScriptView:
    """Shows the script of a shell."""

    shell: str

    def text(self, console: Console) -> None:
        """Print it for the shell."""
        console.out.write(self._script())

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"shell": self.shell, "script": self._script()}

    def _script(self) -> str:
        return files("sovrgit.ui").joinpath("completion", f"sovr.{self.shell}").read_text(encoding="utf-8")
