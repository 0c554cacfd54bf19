"""A line to a server that carries so many bytes a second each way, for all connections together.

Between processes of one machine bytes cost next to nothing, and what is measured is the disk. With a line it can be
seen whether transfers keep it busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

PIECE = 64 << 10
"""Bytes that are passed on at a time."""

BURST = 0.005
"""Seconds by which the line may be ahead of its rate: sleeping shorter is not exact."""


class Lane:
    """One direction of the line."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free = 0.0
        """When all that was accepted so far will have passed."""

    async def carry(self, size: int) -> None:
        """Wait until the line has carried so many bytes more."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size / self._rate
        if self._free - now > BURST:
            await asyncio.sleep(self._free - now)


@contextlib.contextmanager
def line(url: str, rate: float) -> Iterator[str]:
    """A line in a process of its own, for the length of a block: the address of its near end.

    Args:
        url: the server at the far end.
        rate: bytes a second.
    """
    process = subprocess.Popen([sys.executable, __file__, url, str(rate)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        near = process.stdout.readline().strip()
        if not near:
            raise OSError("the line does not begin")
        yield near
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def _serve(url: str, rate: float) -> None:
    far = urlsplit(url)
    up, down = Lane(rate), Lane(rate)

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, lane: Lane) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                await lane.carry(len(piece))
                target.write(piece)
                await target.drain()
        with contextlib.suppress(OSError):
            target.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(far.hostname, far.port)
        await asyncio.gather(pass_on(reader, back, up), pass_on(there, writer, down))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
