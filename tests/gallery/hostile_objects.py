"""Objects that are not what names them says: wrong kinds, holes, lies, and ways in circles."""

from __future__ import annotations

from collections.abc import Callable

import msgpack
from forge import ABSENT, EXECUTABLE, FILE, FOLDER, LINK, WHO, Forge
from world import Make, Specimen, World

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.store.format import ChunkRecord
from sovrgit.store.packwriter import NewEntry

ALL_REFUSED = "fetch 55, pull 55, clone 55, fork 55, status 0, fsck 0, push 56"
"""Nothing of it is taken over, and the pod is as sound as before. Nothing is sent over what is not understood."""

REFUSED = "pull 55, clone 55, fsck 0, push 56"
"""The same: a pull begins with a fetch, a fork with a clone, and `fsck` looks at more than `status`."""

NOT_STORED = REFUSED.replace("push 56", "push 53")
"""The same, and the pack that it is in is not even kept."""


def offered(make: Callable[[Forge, World], ObjectId]) -> Make:
    """Somebody has gone on from the sound state with a commit."""
    return lambda world: world.next(make(world.forge, world))


def in_tree(make: Callable[[Forge], ObjectId]) -> Make:
    """The same with the tree that is given."""
    return lambda world: world.offer(make(world.forge))


def circle(forge: Forge) -> ObjectId:
    """Trees that are in each other: ids that nobody could find, so they lie."""
    first = ObjectId(b"1" * 32)
    second = forge.raw_tree((b"d", FOLDER, first, 0))
    return forge.add(Kind.TREE, msgpack.packb({"entries": [[b"d", 4, second, 0]]}), first)


def commits_in_circles(forge: Forge, world: World) -> ObjectId:
    first = ObjectId(b"1" * 32)
    second = forge.commit(forge.tree(), first)
    return forge.add(Kind.COMMIT, Commit(forge.tree(), (second,), WHO, "Circle").encode(), first)


def lists_in_circles(forge: Forge) -> ObjectId:
    first, second = ObjectId(b"1" * 32), ObjectId(b"2" * 32)
    forge.chunks([ChunkRecord(first, 6)], size=6, claimed=second, depth=2)
    forge.chunks([ChunkRecord(second, 6)], size=6, claimed=first, depth=2)
    return forge.tree(forge.row(b"f", FILE, first, 6))


def itself(forge: Forge) -> ObjectId:
    whole = ObjectId(b"1" * 32)
    forge.chunks([ChunkRecord(whole, 6)], size=6, claimed=whole)
    return forge.tree(forge.row(b"f", FILE, whole, 6))


def poisoned(forge: Forge) -> ObjectId:
    """What the user will add tomorrow has another content already."""
    lie = forge.add(Kind.BLOB, b"poison", blob_id(b"tomorrow"))
    return forge.tree(forge.row(b"f", FILE, lie, 6))


def passed_for(kind: Kind) -> Callable[[Forge], ObjectId]:
    """An entry of one kind with the id and bytes of another."""

    def make(forge: Forge) -> ObjectId:
        inner = forge.tree()
        entry = forge.waiting.pop()
        forge.entry(NewEntry(kind, entry.codec, 0, entry.size, inner, entry.payload))
        return forge.tree(forge.row(b"d", FOLDER, inner, 0))

    return make


def second_of(kind: Kind, data: bytes) -> Callable[[Forge, World], ObjectId]:
    return lambda forge, world: forge.add(kind, data)


SPECIMENS = [
    Specimen("commit of a blob", in_tree(lambda forge: forge.blob()), ALL_REFUSED),
    Specimen("commit of nothing", in_tree(lambda forge: ABSENT), REFUSED),
    Specimen("parent that is a tree", offered(lambda f, _: f.commit(f.tree(), f.tree())), REFUSED),
    Specimen("parent that nobody has", offered(lambda f, _: f.commit(f.tree(), ABSENT)), REFUSED),
    Specimen("run that is a commit", offered(lambda f, w: f.commit(f.tree(), run=w.first)), REFUSED),
    Specimen("run that nobody has", offered(lambda f, w: f.commit(f.tree(), run=ABSENT)), REFUSED),
    Specimen("file that is a tree", in_tree(lambda f: f.tree(f.row(b"f", FILE, f.tree(), 0))), REFUSED),
    Specimen("program that is a tree", in_tree(lambda f: f.tree(f.row(b"f", EXECUTABLE, f.tree(), 0))), REFUSED),
    Specimen("folder that is a blob", in_tree(lambda f: f.tree(f.row(b"d", FOLDER, f.blob()))), REFUSED),
    Specimen("link that is a tree", in_tree(lambda f: f.tree(f.row(b"l", LINK, f.tree(), 0))), REFUSED),
    Specimen("file that nobody has", in_tree(lambda f: f.tree(f.row(b"f", FILE, ABSENT, 1))), REFUSED),
    Specimen("folder that nobody has", in_tree(lambda f: f.tree(f.row(b"d", FOLDER, ABSENT, 0))), REFUSED),
    Specimen("file that is smaller than said", in_tree(lambda f: f.tree(f.row(b"f", size=1 << 40))), REFUSED),
    Specimen("file that is larger than said", in_tree(lambda f: f.tree(f.row(b"f", size=1))), REFUSED),
    Specimen("poison under a good name", in_tree(poisoned), ALL_REFUSED.replace("push 56", "push 53")),
    Specimen("trees in a circle", in_tree(circle), NOT_STORED),
    Specimen("commits in a circle", offered(commits_in_circles), NOT_STORED),
    Specimen("chunk lists in a circle", in_tree(lists_in_circles), REFUSED),
    Specimen("chunk list of itself", in_tree(itself), NOT_STORED),
    Specimen("tree that passes for a blob", in_tree(passed_for(Kind.BLOB)), NOT_STORED),
    Specimen("tree that passes for a commit", in_tree(passed_for(Kind.COMMIT)), NOT_STORED),
    Specimen("commit of noise", offered(second_of(Kind.COMMIT, b"noise")), REFUSED),
    Specimen("commit without fields", offered(second_of(Kind.COMMIT, b"\x80")), REFUSED),
    Specimen("tree of noise", in_tree(lambda f: f.add(Kind.TREE, b"noise")), REFUSED),
    Specimen(
        "tree out of order",
        in_tree(lambda f: f.raw_tree((b"b", 1, f.blob(), 8), (b"a", 1, f.blob(), 8))),
        REFUSED,
    ),
    Specimen("name twice", in_tree(lambda f: f.raw_tree((b"a", 1, f.blob(), 8), (b"a", 1, f.blob(), 8))), REFUSED),
]
