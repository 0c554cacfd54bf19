"""Writing an export where there is nothing yet: all of it, or nothing."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from sovrgit.errors import PodExists
from sovrgit.lineage.exports.crate import is_included, place_of, to_crate
from sovrgit.lineage.exports.intoto import Signer, to_envelope, to_statement
from sovrgit.lineage.exports.prov import to_prov
from sovrgit.lineage.exports.story import Story, recipe_file
from sovrgit.pod.pod import Pod
from sovrgit.store.files import reporting, temporary_name, write_all, write_atomic


def write_crate(pod: Pod, story: Story, target: Path, *, with_files: bool = False) -> int:
    """Write a folder with an RO-Crate; how many files of the pod are in it.

    Args:
        with_files: all files that are here; otherwise the recipe only.

    Raises:
        PodExists: if there is something at `target`.
        ObjectMissing: if the recipe is not here.
        Unsupported: if the library is not installed.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    refuse_existing(target)
    crate = to_crate(story, with_files=with_files)
    recipe = recipe_file(story)
    temporary = temporary_name(target.parent, f".{target.name}")
    count = 0
    with reporting(target):
        try:
            temporary.mkdir()
            for file in story.files:
                if not is_included(file, recipe, with_files):
                    continue
                path = Path(os.fsdecode(os.fsencode(temporary) + b"/" + unquote_to_bytes(place_of(file))))
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
                try:
                    for piece in pod.store.stream(file.content):
                        write_all(descriptor, bytes(piece))
                finally:
                    os.close(descriptor)
                count += 1
            crate.metadata.write(temporary)
            temporary.rename(target)
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(temporary)
    return count


def write_prov(story: Story, target: Path) -> None:
    """Write PROV: as PROV-N if the file's name ends with `.provn`, otherwise as PROV-JSON.

    Raises:
        PodExists, Unsupported, StorageFull, ReadOnly, StorageFailure: as for `write_crate`.
    """
    refuse_existing(target)
    document = to_prov(story)
    text = document.get_provn() if target.suffix == ".provn" else document.serialize(format="json", indent=2)
    write_atomic(target, (text or "").encode("utf-8", "replace") + b"\n")


def write_intoto(story: Story, target: Path, sign: Signer = lambda _: None) -> bool:
    """Write an in-toto statement in a DSSE envelope; whether it is signed.

    Raises:
        PodExists, StorageFull, ReadOnly, StorageFailure: as for `write_crate`.
    """
    refuse_existing(target)
    envelope = to_envelope(to_statement(story), sign)
    write_atomic(target, json.dumps(envelope, indent=2).encode() + b"\n")
    return bool(envelope["signatures"])


def refuse_existing(target: Path) -> None:
    """Raises:
    PodExists: if there is something at `target`.
    """
    if os.path.lexists(target):
        raise PodExists(path=target, reason="is there already", hint="choose another name, or remove it first")
