"""How the files of a private pod are kept on a server: sealed with the pod's key, under names that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.fairos.contents import Contents, Write
from sovrgit.remotes.sealing.form import largest_sealed
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import MANIFEST, Label, hidden_name
from sovrgit.remotes.sealing.seal import seal, seal_bytes
from sovrgit.remotes.sealing.unseal import Unsealer, unseal_bytes
from sovrgit.store.files import temporary_name


class SealedContents(Contents):
    """Packs and manifest sealed with a key: a private pod. What is not sealed with it is refused."""

    sealed = True

    def __init__(self, key: PodKey) -> None:
        self.key = key

    def open_manifest(self, data: bytes, location: str) -> bytes:
        return unseal_bytes(data, self.key, MANIFEST, limit=MAX_METADATA_SIZE, what=f"the manifest of `{location}`")

    def close_manifest(self, manifest: bytes) -> bytes:
        return seal_bytes(manifest, self.key, MANIFEST)

    def pack_name(self, pack: ObjectId) -> str:
        return f"s-{hidden_name(self.key, Label.of_pack(pack))}"

    @contextmanager
    def receiving(self, pack: ObjectId, size: int, write: Write) -> Iterator[tuple[str, int, Write]]:
        unsealer = Unsealer(self.key, Label.of_pack(pack), write, limit=size)
        yield self.pack_name(pack), largest_sealed(size) + 1, unsealer.feed
        unsealer.finish()

    @contextmanager
    def sending(self, pack: ObjectId, source: Path, temporary: Path) -> Iterator[tuple[str, Path]]:
        sealed = temporary_name(temporary, "sealed")
        try:
            seal(source, sealed, self.key, Label.of_pack(pack))
            yield self.pack_name(pack), sealed
        finally:
            sealed.unlink(missing_ok=True)
