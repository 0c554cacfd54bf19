"""What is small here and would be large there, or takes for ever: deep, long, wide, and many."""

from __future__ import annotations

import json

from forge import FOLDER, WHO, Forge
from hostile_objects import in_tree, offered
from world import Make, Specimen, World

from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import TreeEntry

BOUNDED = "fetch 0, status 0, log 0, fsck 0"


def trees(levels: int, copies: int) -> Make:
    """A tree in which every folder has the next one many times."""

    def make(forge: Forge) -> ObjectId:
        inner = forge.tree(forge.row(b"f"))
        for _ in range(levels):
            inner = forge.tree(*(TreeEntry(b"%d" % n, FOLDER, inner, forge.sizes[inner]) for n in range(copies)))
        return inner

    return in_tree(make)


def deep(levels: int) -> Make:
    def make(forge: Forge) -> ObjectId:
        inner = forge.tree(forge.row(b"f"))
        for _ in range(levels):
            inner = forge.tree(forge.row(b"d", FOLDER, inner))
        return inner

    return in_tree(make)


def wide(count: int) -> Make:
    def make(forge: Forge) -> ObjectId:
        row = forge.row(b"x")
        return forge.tree(*(row._replace(name=b"%d" % number) for number in range(count)))

    return in_tree(make)


def history(count: int) -> Make:
    def make(forge: Forge, world: World) -> ObjectId:
        tree, last = forge.tree(), world.first
        for _ in range(count):
            last = forge.commit(tree, last)
        return last

    return offered(make)


def parents(forge: Forge, world: World) -> ObjectId:
    return forge.commit(forge.tree(), *[world.first] * 100_000)


def tags(forge: Forge) -> ObjectId:
    from sovrgit.objects.tag import Tag

    last, kind = forge.commit(forge.tree()), Kind.COMMIT
    for number in range(2000):
        last, kind = forge.add(Kind.TAG, Tag(f"t{number}", last, kind, WHO, "On").encode()), Kind.TAG
    return last


def chain_of_tags(world: World) -> None:
    world.next({"refs/heads/main": world.first, "refs/tags/long": tags(world.forge)})


def recipe(data: bytes) -> Make:
    return in_tree(lambda forge: forge.tree(forge.row(b"recipe.json", item=forge.blob(data)), forge.row(b"a")))


def ignore(data: bytes) -> Make:
    return in_tree(
        lambda forge: forge.tree(
            forge.row(b".sovrignore", item=forge.blob(data)), forge.row(b"a" * 250), forge.row(b"a")
        )
    )


def lines(world: World) -> None:
    """Two sides of a merge whose lines are nearly all the same, in another order."""
    forge = world.forge
    ours = b"".join(b"%d\n" % (number % 7) for number in range(30_000))
    theirs = b"".join(b"%d\n" % (number * number % 7) for number in range(30_000))
    (world.root / "a").write_bytes(ours)
    world.offer(forge.tree(forge.row(b"a", item=forge.blob(theirs))))


SPECIMENS = [
    Specimen(
        "trees of 10^12 files",
        trees(12, 10),
        BOUNDED + ", clone 55, pull 30, diff HEAD origin/main 30",
    ),
    Specimen("trees of 2^40 files", trees(40, 2), BOUNDED + ", clone 55"),
    Specimen("400 folders deep", deep(400), BOUNDED + ", clone 0"),
    Specimen("50,000 names", wide(50_000), "fetch 0, status 0, ls origin/main 0"),
    Specimen("3,000 commits", history(3000), BOUNDED + ", pull 0"),
    Specimen("100,000 parents", offered(parents), BOUNDED + ", log origin/main 0, clone 0"),
    Specimen("chain of tags", chain_of_tags, BOUNDED + ", show long 0"),
    Specimen("message of 10 MB", offered(lambda f, w: f.commit(f.tree(), w.first, message="x\n" * (5 << 20))), BOUNDED),
    Specimen("recipe in a recipe", recipe(b'{"golem":' * 100_000), BOUNDED + ", pull 0, run 12, clone 0"),
    Specimen("recipe of lists", recipe(b"[" * 100_000), BOUNDED + ", pull 0, run 12, clone 0"),
    Specimen("recipe of 20 MB", recipe(json.dumps({"name": "x" * (15 << 20)}).encode()), BOUNDED + ", pull 0, run 12"),
    Specimen("number of 100,000 digits", recipe(b'{"name":"a","version":' + b"9" * 100_000 + b"}"), "pull 0, run 12"),
    Specimen("patterns of stars", ignore(b"a*" * 100 + b"x\n"), "pull 0, status 0, commit 1, clone 0"),
    Specimen("2,000 patterns", ignore(b"x*y*z\n" * 2000), "pull 0, status 0, commit 1, clone 0"),
    Specimen("lines in another order", lines, "commit 0, pull 1, merge --abort 0, diff HEAD origin/main 0"),
]
