"""Packs: files that are named by their hash, and need not hold what anybody would expect."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from forge import ABSENT, FILE, Forge
from hostile_objects import NOT_STORED, REFUSED, in_tree
from world import Make, Specimen, World

from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.remotes.manifest import PackEntry
from sovrgit.store.format import ChunkRecord, Codec, PackClass

SOUND = "fetch 0, clone 55, status 0, fsck 0"
"""What the pod has already it does not get again."""


def first_pack(change: Callable[[Path], object]) -> Make:
    """Something is done to the pack of the sound state, which a clone needs."""

    def make(world: World) -> None:
        path = world.forge.path(world.sound.packs[0].id)
        os.chmod(path, 0o644)
        # A file of its own, since the pod's may be the same one.
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        change(path)

    return make


def replaced(edit: Callable[[bytes], bytes]) -> Make:
    return first_pack(lambda path: path.write_bytes(edit(path.read_bytes())))


def in_place(make: Callable[[Path], object]) -> Make:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return first_pack(change)


def swapped(world: World) -> None:
    """Two packs under each other's names."""
    forge = world.forge
    commit = forge.commit(forge.tree(forge.row(b"f")), world.first)
    first = forge.path(forge.pack().id)
    forge.blob(b"another")
    second = forge.path(forge.pack().id)
    world.next(commit)
    first.rename(world.folder / "x")
    second.rename(first)
    (world.folder / "x").rename(second)


def of_bytes(data: bytes) -> Make:
    """A pack of any bytes, with the right hash."""

    def make(world: World) -> None:
        entry = PackEntry(blob_id(data), max(len(data), 1), PackClass.METADATA, 1)
        world.forge.path(entry.id).write_bytes(data)
        world.next(world.first, packs=(*world.sound.packs, entry))

    return make


def bomb(size: int, claimed: int) -> Callable[[Forge], ObjectId]:
    """A frame of so many zeros, which is said to have others."""

    def make(forge: Forge) -> ObjectId:
        import zstandard

        frame = zstandard.ZstdCompressor(level=1).compress(bytes(size))
        item = forge.payload(frame, size=claimed, codec=Codec.ZSTD, claimed=blob_id(b"bomb"))
        return forge.tree(forge.row(b"bomb", FILE, item, claimed))

    return make


def long_list(forge: Forge) -> ObjectId:
    """A list that names a piece of 64 KiB over and over."""
    piece = forge.blob(bytes(1 << 16))
    whole = forge.chunks([ChunkRecord(piece, 1 << 16)] * 800, size=800 << 16, claimed=blob_id(b"whole"))
    return forge.tree(forge.row(b"f", FILE, whole))


def lists_of_lists(forge: Forge) -> ObjectId:
    """Eight levels of lists, each of which names the one below a thousand times."""
    item, size = forge.blob(b"x" * 1000), 1000
    for depth in range(1, 6):
        item, size = (
            forge.chunks(
                [ChunkRecord(item, min(size, 1 << 24))] * 1000,
                size=size * 1000,
                claimed=blob_id(b"%d" % depth),
                depth=depth,
            ),
            size * 1000,
        )
    return forge.tree(forge.row(b"f", FILE, item, size))


def _holes(forge: Forge) -> ObjectId:
    whole = forge.chunks([ChunkRecord(ABSENT, 6)], size=6, claimed=blob_id(b"holes"))
    return forge.tree(forge.row(b"f", FILE, whole))


SPECIMENS = [
    Specimen("gone", in_place(lambda path: None), SOUND),
    Specimen("empty", replaced(lambda data: b""), SOUND),
    Specimen("cut off", replaced(lambda data: data[:-1]), SOUND),
    Specimen("something behind it", replaced(lambda data: data + b"\0"), SOUND.replace("55", "0")),
    Specimen("a bit flipped", replaced(lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:]), SOUND),
    Specimen("a folder", in_place(os.mkdir), "fetch 0, clone 43, status 0, fsck 0"),
    Specimen("a pipe", in_place(os.mkfifo), "fetch 0, clone 43, status 0, fsck 0"),
    Specimen("an endless device", in_place(lambda path: path.symlink_to("/dev/zero")), "fetch 0, clone 43, status 0"),
    Specimen("a file of the user's", in_place(lambda path: path.symlink_to("/etc/passwd")), SOUND),
    Specimen("swapped", swapped, "fetch 55, pull 55, clone 55, status 0, fsck 0"),
    Specimen("of noise", of_bytes(bytes(range(256)) * 40), "fetch 55, clone 55, status 0, fsck 0"),
    Specimen("of nothing", of_bytes(b""), "fetch 55, clone 55, status 0, fsck 0"),
    Specimen("a bomb", in_tree(bomb(256 << 20, 1000)), NOT_STORED),
    Specimen("a bomb that says so", in_tree(bomb(256 << 20, 256 << 20)), NOT_STORED),
    Specimen("a list of much more than there is", in_tree(long_list), NOT_STORED),
    Specimen("lists of lists", in_tree(lists_of_lists), REFUSED),
    Specimen("of pieces that nobody has", in_tree(_holes), REFUSED),
]
