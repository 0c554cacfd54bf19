"""Manifests: the one thing of a remote that has no hash of its own."""

from __future__ import annotations

import os

from forge import ABSENT, MAIN, Forge
from world import Make, Specimen, World

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.remotes.manifest import PackEntry
from sovrgit.store.format import MAX_PACK, PackClass

ALL_REFUSED = "fetch 55, pull 55, clone 55, push 55, status 0, fsck 0"
DAMAGED = "pull 55, clone 55, push 55, fsck 0"
NOT_TAKEN = "pull 55, clone 55, push 0, fsck 0"
"""A push with nothing to send looks at no packs and at no refs but its own."""

DIVERGED = "fetch 54, pull 54, push 54, status 0, fsck 0"
UNREADABLE = "pull 43, clone 43, push 43, fsck 0"
"""A pull begins with a fetch, and `fsck` looks at more than `status`."""


def raw(data: bytes) -> Make:
    return lambda world: world.forge.raw(data)


def sound(world: World, **fields: object) -> None:
    """A manifest that leads on as it should, but for some fields."""
    world.next({MAIN: world.first}, **fields)


def fields(**changed: object) -> Make:
    return lambda world: sound(world, **changed)


def ref(name: str, item: object) -> Make:
    """A ref beside the sound one."""

    def make(world: World) -> None:
        made = item(world.forge) if callable(item) else item
        world.next({MAIN: world.first, name: made})

    return make


def named(**changed: object) -> Make:
    """The sound packs, as somebody else describes them."""
    return lambda world: sound(world, packs=tuple(pack._replace(**changed) for pack in world.sound.packs))


def older(world: World) -> None:
    """The manifest of two pushes ago."""
    sound(world)
    before = (world.there / "manifest").read_bytes()
    from sovrgit.pod.pod import Pod
    from sovrgit.remotes.directory import DirectoryRemote
    from sovrgit.remotes.fetch import FetchRequest, fetch

    with Pod(world.root) as pod:
        fetch(pod, DirectoryRemote(world.there), FetchRequest("origin", 1))
    assert before != world.sound.encode()
    world.forge.raw(world.sound.encode())


def of_others(world: World) -> None:
    """A pack whose place is another pod: one of the user's own, perhaps private."""
    entry = world.sound.packs[0]
    (world.folder / "private").mkdir()
    sound(world, packs=(entry._replace(id=ABSENT, origin=os.fspath(world.folder / "private")), *world.sound.packs))


def packs_above(world: World) -> None:
    """The folder of packs is a link to somewhere else."""
    (world.there / "packs").rename(world.folder / "outside/packs")
    (world.there / "packs").symlink_to("../outside/packs")
    world.next(world.forge.commit(ABSENT, world.first))


def pipe(world: World) -> None:
    (world.there / "manifest").unlink()
    os.mkfifo(world.there / "manifest")


def folder(world: World) -> None:
    (world.there / "manifest").unlink()
    (world.there / "manifest").mkdir()


def zero(world: World) -> None:
    (world.there / "manifest").unlink()
    (world.there / "manifest").symlink_to("/dev/zero")


def many_refs(world: World) -> None:
    sound(world)
    world.next({MAIN: world.first, **{f"refs/tags/{number}": world.first for number in range(20_000)}})


def many_packs(world: World) -> None:
    packs = tuple(PackEntry(ObjectId(b"%032d" % n), MAX_PACK, PackClass.METADATA, 1) for n in range(20_000))
    sound(world, packs=(*world.sound.packs, *packs))


def tag_of(forge: Forge) -> ObjectId:
    return forge.add(Kind.TAG, b"noise")


SPECIMENS = [
    Specimen("no bytes", raw(b""), DAMAGED),
    Specimen("noise", raw(bytes(range(256)) * 8), ALL_REFUSED),
    Specimen("nil", raw(b"\xc0"), DAMAGED),
    Specimen("a map of 4 billion", raw(b"\xdf\xff\xff\xff\xff"), DAMAGED),
    Specimen("a list in a list in a list", raw(b"\x91" * 100_000), DAMAGED),
    Specimen("bytes of 4 billion", raw(b"\x81\xa1a\xc6\xff\xff\xff\xff"), DAMAGED),
    Specimen("larger than any", raw(bytes((16 << 20) + 1)), DAMAGED),
    Specimen("something behind it", lambda w: w.forge.raw(w.sound.encode() + b"\0"), DAMAGED),
    Specimen("pipe", pipe, UNREADABLE),
    Specimen("folder", folder, UNREADABLE),
    Specimen("endless device", zero, UNREADABLE),
    Specimen("gone", lambda w: (w.there / "manifest").unlink(), "fetch 54, pull 54, clone 52, push 54, status 0"),
    Specimen("older", older, DIVERGED + ", clone 0"),
    Specimen("of another repository", fields(repository=bytes(16)), DIVERGED),
    Specimen("forked", fields(chain=(ABSENT,)), DIVERGED),
    Specimen("without a chain", fields(chain=()), DIVERGED),
    Specimen("of the same generation", fields(generation=1, chain=()), DIVERGED),
    Specimen("far ahead", fields(generation=1 << 63, chain=()), "fetch 0, pull 0, clone 0, push 0, status 0"),
    Specimen("at the end of all numbers", fields(generation=(1 << 64) - 1, chain=()), "fetch 0, clone 0, status 0"),
    Specimen("packs of others", of_others, NOT_TAKEN),
    Specimen("packs elsewhere", packs_above, DAMAGED.replace("push 55", "push 56")),
    Specimen("pack of nobody", lambda w: w.next(w.first, packs=(w.sound.packs[0]._replace(id=ABSENT),)), NOT_TAKEN),
    Specimen("larger packs", named(size=MAX_PACK), "fetch 0, clone 55, status 0"),
    Specimen("smaller packs", named(size=1), "fetch 0, clone 55, status 0"),
    Specimen("packs of another class", named(kind=PackClass.CONTENT), "fetch 0, clone 0, status 0"),
    Specimen("packs of no objects", named(objects=0), "fetch 0, clone 0, status 0"),
    Specimen("ref of nothing", ref("refs/heads/evil", ABSENT), NOT_TAKEN),
    Specimen("branch of a blob", ref("refs/heads/evil", Forge.blob), NOT_TAKEN),
    Specimen("branch of a tree", ref("refs/heads/evil", Forge.tree), NOT_TAKEN),
    Specimen("tag of a blob", ref("refs/tags/evil", Forge.blob), NOT_TAKEN),
    Specimen("tag of noise", ref("refs/tags/evil", tag_of), NOT_TAKEN),
    Specimen("run of a blob", ref("refs/runs/evil", Forge.blob), NOT_TAKEN),
    Specimen("verdict of a blob", ref("refs/verdicts/evil", Forge.blob), NOT_TAKEN),
    Specimen("main of nothing", lambda w: w.next({MAIN: ABSENT}), DAMAGED.replace("push 55", "push 53")),
    Specimen("no refs", lambda w: w.next({}), "fetch 0, clone 52, status 0"),
    Specimen("head of nothing", fields(head="refs/heads/gone"), "fetch 0, clone 52, status 0"),
    Specimen(
        "head that is a tag", lambda w: w.next({"refs/tags/v": w.first}, head="refs/tags/v"), "clone 52, status 0"
    ),
    Specimen("refs of other remotes", ref("refs/remotes/origin/main", ABSENT), "fetch 0, clone 0, status 0"),
    Specimen("20,000 tags", many_refs, "fetch 0, clone 0, status 0"),
    Specimen("20,000 packs", many_packs, "fetch 55, clone 55, status 0"),
    Specimen("writer that steers the terminal", fields(writer="\x1b[2J"), "fetch 0, status 0"),
]
