"""The calls that need no login: reading a shared pod by its reference, always as it is now."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sovrgit.devnet.fairos.answers import HTML, Answer, plain, sent, told
from sovrgit.devnet.fairos.call import Call, failing
from sovrgit.devnet.fairos.causes import DELETED_FEED, Cause, Endless
from sovrgit.devnet.fairos.dircalls import listing
from sovrgit.devnet.fairos.directories import DIRECTORY, FILE
from sovrgit.devnet.fairos.gotext import type_by_extension, unhex
from sovrgit.devnet.fairos.metadata import FileMeta, Inode
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.paths import INDEX, ROOT, joined

VERSION = "0.10.1"
PUBLIC = "/public/"
"""What the paths begin with that contain a sharing reference."""


def root(call: Call) -> Answer:
    """/"""
    return plain("OK\n")


def version(call: Call) -> Answer:
    """/version"""
    return plain(f"{VERSION}\n")


def robots(call: Call) -> Answer:
    """/v1/robots.txt and /v2/robots.txt"""
    return plain("User-agent: *\nDisallow: /\n")


def file(call: Call) -> Answer:
    """/public-file"""
    shared = _Shared.named(call)
    (path,) = call.asked("filePath", with_code=True)
    call.about(path)
    with failing(call, with_code=True):
        meta = shared.resolved().read(path)
        return sent(meta, call.network.blobs.get(meta.blob), call.prefix)


def file_by_path(call: Call) -> Answer:
    """/public/REFERENCE/PATH"""
    reference, slash, name = call.rest.partition("/")
    if not slash:
        place = quote(f"{PUBLIC}{reference}/")
        page = f'<a href="{place}">Moved Permanently</a>.\n\n'.encode()
        return Answer(HTTPStatus.MOVED_PERMANENTLY, page, HTML, (("Location", place),))
    shared = _Shared.of(call, reference)
    path = ROOT + (name or "index.html")
    call.about(path)
    with failing(call, with_code=True):
        meta = shared.resolved().read(path)
        return sent(meta, call.network.blobs.get(meta.blob), call.prefix, type_by_extension(path))


def directory(call: Call) -> Answer:
    """/public-dir"""
    shared = _Shared.named(call)
    path = call.query.get("dirPath", "")
    if not path:
        raise call.refused('"filePath" argument missing', with_code=True)
    with failing(call, with_code=True):
        shared = shared.resolved()
        directories, files = shared.contents(path, shared.directory(path))
    return listing([inode.entry() for inode in directories], [meta.entry() for meta in files])


def snapshot(call: Call) -> Answer:
    """GET /public-pod-snapshot"""
    shared = _Shared.named(call)
    path = call.query.get("path", "") or ROOT
    with failing(call, with_code=True):
        shared = shared.resolved()
        return told(shared.tree(path, shared.directory(path)))


class _Shared:
    """A pod that was shared, read without any cache."""

    def __init__(self, network: Network, reference: bytes) -> None:
        self._network = network
        self._reference = reference
        self._address = ""
        self._password = ""

    @classmethod
    def named(cls, call: Call) -> _Shared:
        """The pod of the reference in the address of a call."""
        (text,) = call.asked("sharingRef", with_code=True)
        return cls.of(call, text)

    @classmethod
    def of(cls, call: Call, text: str) -> _Shared:
        """The pod of a reference."""
        try:
            return cls(call.network, unhex(text))
        except Cause as cause:
            raise call.refused(f"invalid reference:{cause.message}", with_code=True) from None

    def resolved(self) -> _Shared:
        """The same, after the reference has been looked up.

        Raises:
            Cause: if it stands for nothing.
        """
        info = self._network.shared_pod(self._reference)
        self._address, self._password = info["podAddress"], info["password"]
        return self

    def read(self, path: str) -> FileMeta:
        """A file as it is now.

        Raises:
            Cause: if it cannot be found.
        """
        return self._network.feeds.read(self._address, path, self._password)

    def directory(self, path: str) -> Inode:
        """A directory as it is now.

        Raises:
            Cause: if it cannot be found.
        """
        try:
            meta = self.read(joined(path, INDEX))
        except Cause as cause:
            if cause.message == DELETED_FEED:
                raise
            raise Cause(f"list dir : {cause.message}") from None
        return Inode.parse(self._network.blobs.get(meta.blob).path.read_bytes())

    def contents(self, path: str, inode: Inode) -> tuple[list[Inode], list[FileMeta]]:
        """All that a listing names.

        Raises:
            Cause: if something of it cannot be found.
            Endless: if a file of it has been deleted.
        """
        directories, files = [], []
        deleted = False
        for entry in inode.names:
            if entry.startswith(DIRECTORY):
                directories.append(self.directory(joined(path, entry.removeprefix(DIRECTORY))))
                continue
            below = joined(path, entry.removeprefix(FILE))
            try:
                files.append(self.read(below))
            except Cause as cause:
                if cause.message != DELETED_FEED:
                    raise Cause(f"file mtdt : {below} : {cause.message}") from None
                deleted = True
        if deleted:
            raise Endless
        return directories, files

    def tree(self, path: str, inode: Inode) -> dict[str, Any]:
        """A directory with all that is in it, and in what is in it."""
        directories, files = self.contents(path, inode)
        document = inode.entry()
        document["fileList"] = [meta.document() for meta in files]
        document["dirList"] = [self.tree(joined(path, below.name), below) for below in directories]
        return document
