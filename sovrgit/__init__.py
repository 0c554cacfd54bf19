"""Git for compute pods. `sovrgit.open(folder)` gives a pod with the verbs of the command line; see `sovrgit.api`."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
"""Seen as true by type checkers (PEP 484 names `typing.TYPE_CHECKING`; importing `typing` would cost more than the
rest of this file)."""

if TYPE_CHECKING:
    from sovrgit.api import Pod, clone, fork, import_git, init, open
    from sovrgit.errors import SovrError

__all__ = ["Pod", "SovrError", "__version__", "clone", "fork", "import_git", "init", "open"]


def __getattr__(name: str) -> object:
    # PEP 562: whoever only wants the version, or one module of the library, does not pay for the rest.
    if name == "SovrError":
        from sovrgit.errors import SovrError

        return SovrError
    if name in __all__:
        from sovrgit import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
