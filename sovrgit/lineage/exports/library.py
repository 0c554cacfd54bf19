"""The libraries of the exports: an extra, because few need them and they take long to import."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from sovrgit.errors import Unsupported

EXTRA = "export"


def library(name: str, what: str) -> Any:
    """A module of a library.

    Raises:
        Unsupported: if it is not installed.
    """
    found: ModuleType
    try:
        found = import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise Unsupported(
            what=f"an export as {what}",
            reason=f"the library `{package}` is not installed",
            hint=f"install the extra `{EXTRA}`: `pip install 'sovrgit[{EXTRA}]'`",
        ) from error
    return found
