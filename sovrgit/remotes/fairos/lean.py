"""httpx without the command line that it has: nobody uses that here, and it takes more time to load than all the rest,
because of the libraries that colour its output."""

from __future__ import annotations

import sys

_COMMAND_LINE = "httpx._main"

if _COMMAND_LINE in sys.modules:
    import httpx
else:
    # What the import system takes for "there is none"; httpx can do without.
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment] # the type of the dictionary does not know of that
    try:
        import httpx
    finally:
        del sys.modules[_COMMAND_LINE]

__all__ = ["httpx"]
