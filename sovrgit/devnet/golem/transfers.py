"""Files on their way between the one who demands and a container."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sovrgit.devnet.golem.volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from sovrgit.devnet.golem.published import Published

PIECE = 1 << 20
_CONTAINER = "container:"
_GFTP = "gftp:"


class TransferFailed(Exception):
    """A file did not arrive."""


def transfer(
    source: str,
    target: str,
    volumes: Volumes,
    published: Published,
    *,
    broken: bool,
    going: Callable[[], bool],
) -> None:
    """Bring a file from one place to another, of which at least one is in the container.

    Args:
        broken: whether the line is to break in the middle.
        going: asked after each piece whether to go on.

    Raises:
        TransferFailed, NotInContainer: if it does not arrive.
    """
    inward = target.startswith(_CONTAINER)
    if source.startswith(_GFTP) and inward:
        wanted = published.hash_of(source)
        with _opened(published, source) as file, volumes.writing(target.removeprefix(_CONTAINER)) as out:
            found = _copy(file, out, broken, going)
        if found != wanted:
            raise TransferFailed("Transfer error: hash mismatch: the file has changed since it was published")
    elif source.startswith(_CONTAINER) and target.startswith(_GFTP):
        place = published.destination(target)
        if place is None:
            raise TransferFailed(f"Transfer error: no such destination: {target}")
        with volumes.reading(source.removeprefix(_CONTAINER)) as file, place.open("wb") as out:
            _copy(file, out, broken, going)
    elif source.startswith(_CONTAINER) and inward:
        names = source.removeprefix(_CONTAINER), target.removeprefix(_CONTAINER)
        with volumes.reading(names[0]) as file, volumes.writing(names[1]) as out:
            _copy(file, out, broken, going)
    else:
        kind = source if not source.startswith((_CONTAINER, _GFTP)) else target
        raise TransferFailed(f"Transfer error: unsupported scheme: {kind.partition(':')[0][:32]}")


def _opened(published: Published, url: str) -> BinaryIO:
    place = published.source(url)
    if place is None:
        raise TransferFailed(f"Transfer error: nothing is published as {url}")
    return place.open("rb")


def _copy(file: BinaryIO, out: BinaryIO, broken: bool, going: Callable[[], bool]) -> str:
    """Copy all, or half if the line is broken; the SHA3-256 of it, in hexadecimal."""
    hashed = hashlib.sha3_256()
    length = file.seek(0, 2)
    file.seek(0)
    left = length // 2 if broken else None
    while piece := file.read(PIECE if left is None else min(PIECE, left)):
        out.write(piece)
        hashed.update(piece)
        if left is not None:
            left -= len(piece)
        if not going():
            raise TransferFailed("Transfer error: interrupted")
    if broken:
        raise TransferFailed("Transfer error: the connection was lost")
    return hashed.hexdigest()
