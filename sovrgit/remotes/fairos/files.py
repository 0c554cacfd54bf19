"""Calls about files and folders in the user's own pods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import RemoteDamaged
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.caller import Caller
from sovrgit.remotes.fairos.documents import Entries, Stat, Uploaded, form_body, json_body, number
from sovrgit.remotes.fairos.failures import NameTaken
from sovrgit.remotes.fairos.names import check_file_name, check_path, check_pod_name
from sovrgit.remotes.fairos.upload import block_size, upload_body
from sovrgit.remotes.fairos.wire import Call, Sink

Write = Callable[[bytes], object]
Advance = Callable[[int], None]

_STORED = "uploaded successfully"


class Received(NamedTuple):
    """What a download brought: bytes, and whether there would have been more than the limit."""

    size: int
    cut: bool


class FileEntry(NamedTuple):
    """A file in a listing; size in bytes."""

    name: str
    size: int


class Listing(NamedTuple):
    """The names in a folder, as far as the server found them: names may be missing, and some may stand there twice."""

    folders: list[str]
    files: list[FileEntry]


class FileStat(NamedTuple):
    """What the server has noted about a file: sizes in bytes, time in seconds since 1970."""

    name: str
    size: int
    block_size: int
    modified: int


class Files(Caller):
    """Calls about files and folders. All need a login. Paths are absolute and plain."""

    def make_folder(self, pod: str, path: str) -> bool:
        """Make a folder, whose parent must be there; False if it was there.

        Raises:
            PodAbsent, FolderAbsent: if there is no such pod, or no such parent.
            ReadOnly: if the pod is somebody else's.
        """
        fields = {"podName": check_pod_name(pod), "dirPath": check_path(path)}
        with self._writing(pod):
            try:
                self._session.send(Call("POST", "/v1/dir/mkdir", body=json_body(fields)))
            except NameTaken:
                return False
        return True

    def listing(self, pod: str, path: str) -> Listing:
        """What seems to be in a folder. For people who look for a fault: nothing may be concluded from it.

        Raises:
            PodAbsent, FolderAbsent: if there is no such pod or folder.
        """
        query = {"podName": check_pod_name(pod), "dirPath": check_path(path)}
        found = self._ask(Call("GET", "/v1/dir/ls", query), Entries)
        files = [FileEntry(entry.name, number(entry.size, self._server)) for entry in found.files or []]
        return Listing([entry.name for entry in found.dirs or []], files)

    def upload(
        self, pod: str, folder: str, name: str, source: Path | bytes, size: int, advance: Advance = lambda _: None
    ) -> None:
        """Store a file, in place of another one of this name.

        That the server says so does not make it true: read it back before anything relies on it.

        Args:
            source: a file, of which the first `size` bytes are sent, or the bytes themselves.
            advance: told of bytes sent, of none twice.

        Raises:
            UnsafeName: if no file should be called so.
            PodAbsent: if there is no such pod.
            FolderAbsent: if there is no such folder. The file is stored all the same, and stands in no listing.
            PostageExhausted: if the server has no postage.
            ReadOnly: if the pod is somebody else's.
            FileUnstable, StorageFailure: if the source is shorter, or cannot be read.
        """
        fields = {
            "podName": check_pod_name(pod),
            "dirPath": check_path(folder),
            "blockSize": str(block_size(size)),
            "overwrite": "true",
        }
        body = upload_body(fields, check_file_name(name), source, size, advance)
        with self._writing(pod):
            done = self._ask(Call("POST", "/v1/file/upload", body=body, transfer=True), Uploaded)
        if not any(stored.file_name == name and stored.message == _STORED for stored in done.responses):
            raise Transient(location=self._server, reason=f"it did not confirm that it stored `{name}`")

    def download(self, pod: str, path: str, limit: int, write: Write, advance: Advance = lambda _: None) -> Received:
        """Fetch a file, as far as `limit` bytes. What arrives may be anything: the caller checks its hash.

        Args:
            write: takes the bytes as they come.
            advance: told of bytes received.

        Raises:
            FileAbsent: if it was not found; PodAbsent if the pod was not.
            Transient: if it broke off.
        """
        fields = {"podName": check_pod_name(pod), "filePath": check_path(path)}
        sink = Sink(limit, write, advance)
        self._session.send(Call("POST", "/v1/file/download", body=form_body(fields), transfer=True), sink)
        return Received(sink.taken, sink.cut)

    def read_file(self, pod: str, path: str, limit: int) -> bytes:
        """A small file.

        Raises:
            FileAbsent: if it was not found; PodAbsent if the pod was not.
            RemoteDamaged: if it has more than `limit` bytes.
            Transient: if it broke off.
        """
        data = bytearray()
        if self.download(pod, path, limit, data.extend).cut:
            raise too_large(self._server, path, limit)
        return bytes(data)

    def stat_file(self, pod: str, path: str) -> FileStat:
        """What the server has noted about a file.

        Raises:
            FileAbsent: if it was not found; PodAbsent if the pod was not.
        """
        query = {"podName": check_pod_name(pod), "filePath": check_path(path)}
        found = self._ask(Call("GET", "/v1/file/stat", query), Stat)
        numbers = (number(text, self._server) for text in (found.file_size, found.block_size, found.modification_time))
        return FileStat(found.file_name, *numbers)

    def delete_file(self, pod: str, path: str) -> None:
        """Delete a file.

        Raises:
            FileAbsent: if it was not found; PodAbsent if the pod was not.
            ReadOnly: if the pod is somebody else's.
        """
        fields = {"podName": check_pod_name(pod), "filePath": check_path(path)}
        with self._writing(pod):
            self._session.send(Call("DELETE", "/v1/file/delete", body=json_body(fields)))


def too_large(server: str, path: str, limit: int) -> RemoteDamaged:
    """The error for a small file that is not small."""
    return RemoteDamaged(remote=server, reason=f"`{path}` has more than {limit} bytes")
