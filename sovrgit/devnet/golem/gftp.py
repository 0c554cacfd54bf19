"""A stand-in for the `gftp` tool: `gftp server`, which requestor scripts start and talk to in JSON-RPC, a line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from sovrgit.devnet.golem.published import Published

VERSION = "0.17.6 (sovr devnet)"
_FAILED, _NO_METHOD, _BAD_PARAMETERS, _BAD_REQUEST = -32000, -32601, -32602, -32700
_USAGE = "usage: gftp server | gftp version"


class Front:
    """Answers requests, one after the other."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._urls: list[str] = []
        self._methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "version": lambda _: VERSION,
            "publish": self._publish,
            "receive": self._receive,
            "close": self._close,
            "shutdown": lambda _: "ok",
        }

    def serve(self, lines: Iterable[str], out: TextIO) -> None:
        """Answer until told to shut down, or until there is nothing more. Then nothing is reachable any more."""
        try:
            for line in lines:
                if not line.strip():
                    continue
                answer, last = self.answer(line)
                out.write(json.dumps(answer) + "\r\n")
                out.flush()
                if last:
                    return
        finally:
            for url in self._urls:
                self._published.close(url)

    def answer(self, line: str) -> tuple[dict[str, Any], bool]:
        """What a request is answered, and whether it was the last one."""
        name: Any = None
        try:
            request = json.loads(line)
            name, method, parameters = request.get("id"), request["method"], request.get("params") or {}
        except (ValueError, KeyError, AttributeError):
            return _error(name, _BAD_REQUEST, "not a request"), False
        if method not in self._methods:
            return _error(name, _NO_METHOD, f"there is no `{method}`"), False
        try:
            result = self._methods[method](parameters)
        except OSError as error:
            return _error(name, _FAILED, f"{error.filename}: {error.strerror}"), False
        except (KeyError, TypeError, ValueError):
            return _error(name, _BAD_PARAMETERS, f"wrong parameters of `{method}`"), False
        return {"jsonrpc": "2.0", "id": name, "result": result}, method == "shutdown"

    def _publish(self, parameters: dict[str, Any]) -> list[dict[str, str]]:
        made = []
        for file in parameters["files"]:
            made.append({"file": file, "url": self._published.publish(Path(file))})
            self._urls.append(made[-1]["url"])
        return made

    def _receive(self, parameters: dict[str, Any]) -> dict[str, str]:
        file = parameters["output_file"]
        url = self._published.receive(Path(file))
        self._urls.append(url)
        return {"file": file, "url": url}

    def _close(self, parameters: dict[str, Any]) -> list[str]:
        urls = [str(url) for url in parameters["urls"]]
        self._urls = [url for url in self._urls if url not in urls]
        return ["ok" if self._published.close(url) else "error" for url in urls]


def _error(name: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": code, "message": message}}


def main(arguments: Sequence[str]) -> int:
    """The program. It is called with the folder of the notes and the address before what the user gave."""
    folder, node_id, *given = arguments
    if given == ["server"]:
        Front(Published(Path(folder), node_id)).serve(sys.stdin, sys.stdout)
        return 0
    if given in (["version"], ["--version"]):
        sys.stdout.write(f"gftp {VERSION}\n")
        return 0
    sys.stderr.write(f"{_USAGE}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
