"""Bundles: a pod in one file, from whoever sent it."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3
from forge import ABSENT
from world import Make, Specimen, World

from sovrgit.remotes.bundle import write_bundle

DAMAGED = "bundle verify ../bundle 55, clone ../bundle ../new 55, status 0"
NO_BUNDLE = "bundle verify ../bundle 52, clone ../bundle ../new 52, status 0"


def edited(edit: Callable[[bytes], bytes]) -> Make:
    """A sound bundle of which something was changed."""

    def make(world: World) -> None:
        path = _sound(world)
        path.write_bytes(edit(path.read_bytes()))

    return make


def _sound(world: World) -> Path:
    path = world.folder / "bundle"
    write_bundle(path, world.sound, [world.forge.path(pack.id) for pack in world.sound.packs])
    return path


def signed(data: bytes) -> bytes:
    """With the hash at the end made right."""
    return data[:-32] + blake3(data[:-32]).digest()


def elsewhere(world: World) -> None:
    """One that names a pack in another place."""
    _sound(world)
    there = world.sound.packs[0]._replace(id=ABSENT, origin="/etc")
    manifest = world.forge.publish(world.first, packs=(*world.sound.packs, there))
    data = manifest.encode()
    body = struct.pack("<8sII", b"SOVRBNDL", 1, len(data)) + data
    body += b"".join(world.forge.path(pack.id).read_bytes() for pack in world.sound.packs) + bytes(there.size)
    (world.folder / "bundle").write_bytes(body + blake3(body).digest())


SPECIMENS = [
    Specimen("sound", edited(bytes), "bundle verify ../bundle 0, clone ../bundle ../new 0"),
    Specimen("no bytes", edited(lambda data: b""), NO_BUNDLE),
    Specimen("magic only", edited(lambda data: data[:8]), NO_BUNDLE),
    Specimen("of version 2", edited(lambda data: data[:8] + b"\2" + data[9:]), NO_BUNDLE.replace("52", "70")),
    Specimen("endless manifest", edited(lambda data: data[:12] + b"\xff" * 4 + data[16:]), DAMAGED),
    Specimen("cut off", edited(lambda data: data[:-1]), DAMAGED.replace("new 55", "new 0")),
    Specimen("cut off in a pack", edited(lambda data: data[: len(data) // 2]), DAMAGED),
    Specimen("something behind it", edited(lambda data: data + b"\0"), DAMAGED.replace("new 55", "new 0")),
    Specimen("another hash", edited(lambda data: data[:-1] + b"\0"), DAMAGED.replace("new 55", "new 0")),
    Specimen("a pack changed", edited(lambda data: signed(data[:-200] + b"x" + data[-199:])), DAMAGED),
    Specimen("packs elsewhere", elsewhere, DAMAGED),
    Specimen("a pipe", lambda world: os.mkfifo(world.folder / "bundle"), NO_BUNDLE),
]
