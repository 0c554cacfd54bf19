"""How a new pod is shown."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovrgit.ui.console import Console


@dataclass(frozen=True, slots=True)
class CreatedView:
    """Shows a pod that was just made. `missing` is the script that its command names, if it is not there yet."""

    root: Path
    name: str
    kind: str
    written: Sequence[str]
    here: Path
    missing: str = ""

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.root))
            return
        what = {"compute": "pod", "task": "task", "data": "data pod"}[self.kind]
        console.line(
            f"made the {what} {console.style(console.safe(self.name), 'bold')} in {console.safe(str(self.root))}"
        )
        for path in self.written:
            console.line(f"  {console.safe(path)}")
        relative = os.path.relpath(self.root, self.here)
        enter = "" if relative == os.curdir else f"`cd {shlex.quote(relative)}`, "
        write = f"write `{self.missing}`, " if self.missing else ""
        then = "then " if enter or write else ""
        console.hint(f'{enter}{write}{then}`sovr commit -m "First version"` records it')

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"folder": str(self.root), "name": self.name, "kind": self.kind, "written": list(self.written)}
