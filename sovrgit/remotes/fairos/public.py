"""Reading by reference, which needs no account and is never served from a server's cache."""

from __future__ import annotations

from sovrgit.remotes.fairos.caller import Caller
from sovrgit.remotes.fairos.files import Advance, Received, Write, too_large
from sovrgit.remotes.fairos.names import check_path
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.wire import Call, Sink


class Public(Caller):
    """Calls that need no login. The reference stands in the address of the request: see `FairOS.private`."""

    def public_file(
        self, reference: SharingReference, path: str, limit: int, write: Write, advance: Advance = lambda _: None
    ) -> Received:
        """Fetch a file of a shared pod, as far as `limit` bytes. What arrives may be anything: the caller checks it.

        Args:
            write: takes the bytes as they come.
            advance: told of bytes received.

        Raises:
            ReferenceAbsent: if nothing was found at the reference; FileAbsent if the file was not.
            Transient: if it broke off.
        """
        sink = Sink(limit, write, advance)
        query = {"sharingRef": reference.reveal(), "filePath": check_path(path)}
        self._session.send_as_nobody(Call("GET", "/public-file", query, transfer=True), sink)
        return Received(sink.taken, sink.cut)

    def read_public_file(self, reference: SharingReference, path: str, limit: int) -> bytes:
        """A small file of a shared pod.

        Raises:
            ReferenceAbsent, FileAbsent: if it was not found.
            RemoteDamaged: if it has more than `limit` bytes.
            Transient: if it broke off.
        """
        data = bytearray()
        if self.public_file(reference, path, limit, data.extend).cut:
            raise too_large(self._server, path, limit)
        return bytes(data)
