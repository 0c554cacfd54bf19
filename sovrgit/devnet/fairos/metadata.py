"""What FairOS keeps of a file and of a directory, and how it writes both down."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any

from sovrgit.devnet.fairos.causes import NO_SUCH_DIRECTORY, NOT_JSON, Cause

VERSION = 2
DIRECTORY_TYPE = "inode/directory"
FILE_MODE = 0o100600
DIRECTORY_MODE = 0o040700


@dataclass(frozen=True, slots=True)
class FileMeta:
    """A file: where it is, how large, and where its bytes are. Times are seconds since 1970."""

    path: str
    name: str
    size: int
    block_size: int
    content_type: str
    compression: str
    created: int
    accessed: int
    modified: int
    blob: str
    """The 128 hexadecimal digits under which its bytes are kept."""

    mode: int = FILE_MODE

    def moved(self, path: str, name: str, now: int) -> FileMeta:
        """The same bytes somewhere else."""
        return replace(self, path=path, name=name, modified=now)

    def received(self, path: str, now: int) -> FileMeta:
        """The same bytes in the pod of somebody whom the file was shared with."""
        return replace(self, path=path, created=now, accessed=now, modified=now, mode=0)

    def document(self) -> dict[str, Any]:
        """As it is stored in a feed."""
        return {
            "version": VERSION,
            "filePath": self.path,
            "fileName": self.name,
            "fileSize": self.size,
            "blockSize": self.block_size,
            "contentType": self.content_type,
            "compression": self.compression,
            "creationTime": self.created,
            "accessTime": self.accessed,
            "modificationTime": self.modified,
            "fileInodeReference": base64.b64encode(bytes.fromhex(self.blob)).decode("ascii"),
            "mode": self.mode,
        }

    def entry(self) -> dict[str, Any]:
        """As a listing shows it: numbers are strings, except the mode."""
        return {
            "name": self.name,
            "contentType": self.content_type,
            "size": str(self.size),
            "blockSize": str(self.block_size),
            "creationTime": str(self.created),
            "modificationTime": str(self.modified),
            "accessTime": str(self.accessed),
            "mode": self.mode,
        }

    @classmethod
    def parse(cls, document: Any) -> FileMeta:
        """What `document` made.

        Raises:
            Cause: if it is something else.
        """
        try:
            return cls(
                path=document["filePath"],
                name=document["fileName"],
                size=document["fileSize"],
                block_size=document["blockSize"],
                content_type=document["contentType"],
                compression=document["compression"],
                created=document["creationTime"],
                accessed=document["accessTime"],
                modified=document["modificationTime"],
                blob=base64.b64decode(document["fileInodeReference"]).hex(),
                mode=document["mode"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Cause(NOT_JSON) from error


@dataclass(slots=True)
class Inode:
    """A directory: itself, and the names in it, `_F_` before files and `_D_` before directories.

    It is changed in place, by every request of a session that has it in its cache, as the server does.
    """

    path: str
    name: str
    created: int
    accessed: int
    modified: int
    mode: int = 0
    names: list[str] = field(default_factory=list)

    def encode(self) -> bytes:
        """As it is stored in `index.dfs`."""
        meta = {
            "version": VERSION,
            "path": self.path,
            "name": self.name,
            "creationTime": self.created,
            "accessTime": self.accessed,
            "modificationTime": self.modified,
            "mode": self.mode,
        }
        # An empty list that was never written to is null in Go.
        return compact({"meta": meta, "fileOrDirNames": self.names or None})

    def entry(self) -> dict[str, Any]:
        """As a listing shows it."""
        return {
            "name": self.name,
            "contentType": DIRECTORY_TYPE,
            "mode": self.mode,
            "creationTime": str(self.created),
            "modificationTime": str(self.modified),
            "accessTime": str(self.accessed),
        }

    @classmethod
    def parse(cls, data: bytes) -> Inode:
        """What `encode` made.

        Raises:
            Cause: if it is something else.
        """
        try:
            document = json.loads(data)
            meta = document["meta"]
            return cls(
                path=meta["path"],
                name=meta["name"],
                created=meta["creationTime"],
                accessed=meta["accessTime"],
                modified=meta["modificationTime"],
                mode=meta["mode"],
                names=list(document["fileOrDirNames"] or ()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Cause(NO_SUCH_DIRECTORY) from error


def compact(document: object) -> bytes:
    """JSON as Go writes it: no spaces, text as UTF-8, halves of surrogate pairs replaced."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
