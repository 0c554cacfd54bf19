"""Names and links that lead out of the pod, into a repository, or to each other."""

from __future__ import annotations

from forge import Forge
from hostile_objects import in_tree
from world import Make, Specimen, World

from sovrgit.objects.ids import ObjectId

REFUSED = "pull 55, clone 55, fsck 0"
"""No tree may hold such a name."""

NOT_HERE = (
    "fetch 0, pull 33, switch -c evil origin/main 33, restore --from origin/main . 33, clone 55, status 0, fsck 0"
)
"""A tree may hold it, and no folder of a user will."""

IMPOSSIBLE = [b"", b".", b"..", b"a/b", b"../outside/canary", b"/etc/passwd", b"a\0b", b".sovr", b".SOVR", b".Sovr"]

ALIASES = [b".git", b".GIT", b".sovr. .", b"SOVR~1", ".so\u200cvr".encode()]
"""Some; all are in tests/pod/test_aliases.py."""


def _named(name: bytes) -> Make:
    return in_tree(lambda forge: forge.raw_tree((name, 1, forge.blob(), 8)))


def _hooked(name: bytes) -> Make:
    """A folder of this name, with what Git would run."""

    def make(forge: Forge) -> ObjectId:
        hook = forge.folder_row(b"hooks", forge.row(b"post-checkout", item=forge.blob(b"#!/bin/sh\ntouch ../ran\n")))
        return forge.tree(forge.folder_row(name, hook))

    return in_tree(make)


def linked_and_entered(world: World) -> None:
    """A commit with a link out of the pod, and one that has a folder of the same name, with a file in it."""
    forge = world.forge
    first = forge.commit(forge.tree(forge.link(b"way", b"../outside")), world.first)
    second = forge.commit(forge.tree(forge.folder_row(b"way", forge.row(b"canary"))), first)
    world.next({"refs/heads/main": second, "refs/heads/linked": first})


def entered_before(world: World) -> None:
    """What the commit has as a folder is a link out of the pod here."""
    (world.root / "output").rmdir()
    (world.root / "output").symlink_to("../outside")
    world.offer(world.forge.tree(world.forge.folder_row(b"output", world.forge.row(b"canary"))))


def link_as_output(world: World) -> None:
    """A recipe whose output and logs are links out of the pod."""
    forge = world.forge
    recipe = b'{"name": "pod", "golem": {"exec": "touch ../ran", "output": "output", "log": "logs"}}'
    rows = [forge.row(b"recipe.json", item=forge.blob(recipe))]
    world.offer(forge.tree(*rows, forge.link(b"output", b"../outside"), forge.link(b"logs", b"../outside")))


def clash(first: bytes, second: bytes) -> Make:
    """Two names that are one where case is folded, or forms of Unicode are."""
    return in_tree(lambda forge: forge.tree(forge.row(first), forge.row(second)))


def target(text: bytes) -> Make:
    return in_tree(lambda forge: forge.tree(forge.link(b"link", text)))


SPECIMENS = [
    *(Specimen(f"name {name!r}", _named(name), REFUSED) for name in IMPOSSIBLE),
    *(Specimen(f"folder {name!r}", _hooked(name), NOT_HERE) for name in ALIASES),
    Specimen(
        "file .git",
        in_tree(lambda f: f.tree(f.row(b".git", item=f.blob(b"gitdir: ../outside\n")))),
        NOT_HERE,
    ),
    Specimen("link .git", in_tree(lambda f: f.tree(f.link(b".git", b"../outside"))), NOT_HERE),
    Specimen(
        "repository below a folder",
        in_tree(lambda f: f.tree(f.folder_row(b"d", f.folder_row(b".git", f.row(b"config"))))),
        NOT_HERE,
    ),
    Specimen(
        "link, then a folder", linked_and_entered, "fetch 0, switch -c evil origin/linked 0, status 0, clone 0, fsck 0"
    ),
    Specimen("link in the way", entered_before, "fetch 0, pull 23, restore --from origin/main . 0, status 0, fsck 0"),
    Specimen("output is a link", link_as_output, "fetch 0, pull 0, run 33, run --yes 33, status 0, clone 0"),
    Specimen("case", clash(b"A", b"a"), "fetch 0, pull 0, clone 0, status 0"),
    Specimen("forms of Unicode", clash("\u00e9".encode(), "e\u0301".encode()), "fetch 0, pull 0, clone 0, status 0"),
    Specimen("device", clash(b"CON", b"NUL"), "fetch 0, pull 0, clone 0, status 0"),
    Specimen("link to nothing", target(b"nowhere"), "fetch 0, pull 0, clone 0, status 0"),
    Specimen("link without a target", target(b""), "fetch 0, pull 33, clone 55, status 0"),
    Specimen("link with NUL", target(b"a\0b"), "fetch 0, pull 33, clone 55, status 0"),
    Specimen("link of 5,000 bytes", target(b"x" * 5000), "fetch 0, pull 33, clone 55, status 0"),
    Specimen("name of 300 bytes", in_tree(lambda f: f.tree(f.row(b"x" * 300))), "fetch 0, pull 43, clone 43, status 0"),
    Specimen("name of 4,097 bytes", in_tree(lambda f: f.raw_tree((b"x" * 4097, 1, f.blob(), 8))), REFUSED),
    Specimen(
        "name that steers the terminal",
        in_tree(lambda f: f.tree(f.row(b"\x1b]0;evil\x07\x1b[2J\r\n"))),
        "fetch 0, pull 0, clone 0, status 0, log 0, show 0, ls 0, fsck 0",
    ),
]
