"""Pods whose own files are damaged, or were made by somebody else: `.sovr` and all."""

from __future__ import annotations

import json
import os
from typing import Any

from blake3 import blake3
from forge import ABSENT
from world import Make, Specimen, World

from sovrgit.objects.ids import Kind, ObjectId

READS = "status {0}, log {0}, show HEAD {0}, cat HEAD:a {0}, ls {0}"
READABLE = READS.format(0) + ", fsck 0"


def file(name: str, data: bytes) -> Make:
    """A file of the repository with any bytes in it."""
    return lambda world: (world.root / ".sovr" / name).write_bytes(data)


def gone(name: str) -> Make:
    return lambda world: (world.root / ".sovr" / name).unlink()


def refs(text: str) -> Make:
    return file("refs", text.encode())


def main_at(make: Any) -> Make:
    """The branch leads to something else than a commit."""

    def point(world: World) -> None:
        forge = world.here()
        made = make(forge)
        if forge.waiting:
            forge.pack()
        world.point(main=made)

    return point


def merging(**changed: Any) -> Make:
    """A merge that waits, as somebody else would have it."""

    def make(world: World) -> None:
        head = str(world.first)
        state = {"version": 1, "operation": "merge", "head": head, "other": head, "label": "side", "message": "m"}
        state |= {"tree": _tree(world), "conflicts": [_conflict(b"a")], "resolved": [], "author": None, **changed}
        (world.root / ".sovr/merge").write_text(json.dumps(state))

    return make


def _tree(world: World) -> str:
    from sovrgit.pod.pod import Pod

    with Pod(world.root) as pod:
        return str(pod.head_tree())


def _conflict(path: bytes) -> dict[str, Any]:
    return {"path": path.hex(), "name": "a", "reason": "text", "sides": [None, None, None]}


def running(**note: Any) -> Make:
    return file("running", json.dumps(note).encode())


def pipe_in_the_tree(world: World) -> None:
    os.mkfifo(world.root / "pipe")
    (world.root / "payload/all").symlink_to("/dev")


def rubbish_in_the_tree(world: World) -> None:
    """The recipe is a link out of the pod, and the ignore rules a pipe."""
    (world.root / "recipe.json").unlink()
    (world.root / "recipe.json").symlink_to("../outside/canary")
    os.mkfifo(world.root / ".sovrignore")


def index(world: World) -> None:
    """An index with a right checksum and no sense."""
    body = b"\x93\xa0\xa0\x91\x9c" + b"\x01" * 12
    (world.root / ".sovr/index").write_bytes(b"SOVRIDX3" + body + blake3(body).digest())


def circle(forge: Any) -> ObjectId:
    from forge import WHO

    from sovrgit.objects.commit import Commit

    me = ObjectId(b"1" * 32)
    return forge.add(Kind.COMMIT, Commit(forge.tree(), (me,), WHO, "Me").encode(), me)


SPECIMENS = [
    Specimen("refs of noise", refs("noise"), READS.format(32) + ", fsck 1, commit -m x 32, gc 32, push 32"),
    Specimen("refs cut off", refs("sovr refs 1\nHEAD refs/heads/main\n"), READS.format(32) + ", fsck 1, gc 32"),
    Specimen("no refs", gone("refs"), READS.format(43) + ", gc 43"),
    Specimen(
        "head outside", refs("sovr refs 1\nHEAD ../../outside/canary\nend\n"), READS.format(32) + ", commit -m x 32"
    ),
    Specimen("branch of nothing", lambda w: w.point(main=ABSENT), READS.format(31) + ", fsck 1, gc 0, push 31"),
    Specimen(
        "branch of a blob", main_at(lambda forge: forge.blob()), "status 32, log 20, cat HEAD:a 20, fsck 1, push 32"
    ),
    Specimen("branch of a circle", main_at(circle), READS.format(32) + ", fsck 1, push 32"),
    Specimen("journal of noise", file("journal", b"\0noise\n[[[\n" + b"[" * 99999), READABLE + ", reflog 0, undo 1"),
    Specimen(
        "journal of wonders",
        file("journal", b'{"time":1e999,"command":"x","head":"../x","changes":[["../../x","",""]]}\n' * 9),
        READABLE + ", reflog 0, undo 1, gc 0",
    ),
    Specimen("merge of noise", file("merge", b"noise"), "status 32, merge --abort 32, commit -m x 32, log 0"),
    Specimen("merge in a merge", file("merge", b"[" * 99999), "status 32, merge --abort 32, log 0"),
    Specimen(
        "merge that leads out",
        merging(conflicts=[_conflict(b"../outside/canary")]),
        "status 0, resolve ../outside/canary --done 2, merge --abort 0, log 0",
    ),
    Specimen(
        "merge into a repository", merging(conflicts=[_conflict(b".sovr/refs")]), "status 0, merge --abort 0, log 0"
    ),
    Specimen("merge of nothing", merging(tree=str(ABSENT)), "status 0, merge --abort 31, log 0"),
    Specimen("index of noise", file("index", b"SOVRIDX3noise"), READABLE),
    Specimen("index without sense", index, READABLE + ", commit -m x 1"),
    Specimen("config of noise", file("config", b"[[[\0"), "status 0, log 13, fetch 13, push 13, run 13"),
    Specimen(
        "config that includes",
        file("config", b"[include]\n\tpath = ../../outside/canary\n"),
        "config 0, log 0, fetch 50",
    ),
    Specimen("no catalogue", gone("catalogue.sqlite"), READABLE),
    Specimen("catalogue of noise", file("catalogue.sqlite", b"SQLite format 3\0" + bytes(9000)), READABLE),
    Specimen("another format", file("format", b"noise"), READS.format(32)),
    Specimen("a newer format", file("format", b"sovr pod 99\n"), READS.format(70)),
    Specimen("remote seen as noise", file("remotes/origin", b"noise"), "fetch 0, push 0, status 0"),
    Specimen("note of a run of noise", file("running", b"noise"), "status 0, run 32, run --yes 32"),
    Specimen(
        "note of a run that leads out",
        running(place="../../../outside", folders=["../outside"], process={"pid": 1, "birth": "x"}),
        "status 0, run --yes 32",
    ),
    Specimen("approvals of noise", file("trusted", b"[" * 99999), "status 0, run 64"),
    Specimen("pipes and devices", pipe_in_the_tree, "status 0, commit -m x 0, fsck 0"),
    Specimen("recipe that is a link", rubbish_in_the_tree, "status 0, run 12, commit -m x 0"),
    Specimen(
        "as it should be", lambda world: None, READABLE + ", run 64, bundle create ../made.bundle 0, gc 0, push 0"
    ),
]
