"""The calls about files."""

from __future__ import annotations

from typing import Any

from sovrgit.devnet.fairos.answers import Answer, done, sent, told
from sovrgit.devnet.fairos.call import Call, Drive, failing
from sovrgit.devnet.fairos.causes import (
    FILE_EXISTS,
    FILE_IN_DESTINATION,
    FILE_NOT_FOUND,
    FILE_NOT_PRESENT,
    NO_SUCH_POD,
    READ_ONLY_POD,
    Cause,
)
from sovrgit.devnet.fairos.directories import FILE
from sovrgit.devnet.fairos.forms import Form
from sovrgit.devnet.fairos.gotext import boolean, size_of, unhex
from sovrgit.devnet.fairos.metadata import FileMeta, compact
from sovrgit.devnet.fairos.paths import base, joined, parent
from sovrgit.devnet.fairos.pods import OpenPod

_COMPRESSIONS = ("", "gzip", "snappy")


def upload(call: Call) -> Answer:
    """POST /v1/file/upload"""
    with call.form() as form:
        drive = call.form_drive(form)
        path = _field(call, form, "dirPath")
        given_size = _field(call, form, "blockSize")
        compression = call.headers.get("fairOS-dfs-Compression", "")
        if compression not in _COMPRESSIONS:
            raise call.refused('invalid value for "compression" header')
        given = call.value(form, "overwrite")
        overwrite = boolean(given) if given else True
        if overwrite is None:
            raise call.refused('"overwrite" argument is wrong')
        _ = call.session_id
        if form.problem:
            raise call.refused(form.problem)
        try:
            block_size = size_of(given_size)
        except Cause as cause:
            raise call.refused(cause.message) from None
        if not form.files:
            raise call.refused('parameter "files" missing')
        responses = []
        for received in form.files:
            call.about(joined(path, received.name))
            with failing(call, not_found=[NO_SUCH_POD]):
                pod = call.pod(drive)
                _make_way(pod, path, received.name, overwrite=overwrite)
                pod.files.upload(received.path, path, received.name, block_size, compression)
                pod.directories.add(path, received.name, FILE)
            responses.append({"fileName": received.name, "message": "uploaded successfully"})
    return told({"Responses": responses})


def _make_way(pod: OpenPod, path: str, name: str, *, overwrite: bool) -> None:
    """Take the name of a file that is there out of the listing, and if it is to be kept, give it another one."""
    if pod.files.meta(joined(path, name)) is None:
        return
    if not overwrite:
        pod.directories.add(path, pod.files.set_aside(joined(path, name)), FILE)
    pod.directories.drop(path, name, FILE)


def download(call: Call) -> Answer:
    """GET /v1/file/download"""
    drive = call.asked_drive()
    (path,) = call.asked("filePath")
    return _download(call, drive, path)


def download_by_form(call: Call) -> Answer:
    """POST /v1/file/download"""
    with call.form() as form:
        drive = call.form_drive(form)
        path = _field(call, form, "filePath")
    return _download(call, drive, path)


def _download(call: Call, drive: Drive, path: str) -> Answer:
    _ = call.session_id
    call.about(path)
    with failing(call, not_found=[FILE_NOT_FOUND], with_code=True):
        # A group's name is taken for a pod's: a mistake of the server.
        meta = call.pod(Drive(drive.name)).files.download(path)
        return sent(meta, call.network.blobs.get(meta.blob), call.prefix)


def delete(call: Call) -> Answer:
    """DELETE /v1/file/delete"""
    drive, path = call.drive_and(call.told(), "filePath")
    call.about(path)
    with failing(call):
        pod = call.pod(drive)
        if not pod.writable:
            raise Cause(READ_ONLY_POD)
        pod.files.remove(path)
        pod.directories.drop(parent(path), base(path), FILE)
    return done("file deleted successfully")


def stat(call: Call) -> Answer:
    """GET /v1/file/stat"""
    drive = call.asked_drive()
    (path,) = call.asked("filePath")
    call.about(path)
    with failing(call):
        pod = call.pod(drive)
        if not _listed(pod, path):
            raise Cause(FILE_NOT_FOUND)
        meta = pod.files.meta(path)
        if meta is None:
            raise Cause(FILE_NOT_FOUND)
    return told(
        {
            "podName": drive.name,
            "mode": meta.mode,
            "filePath": meta.path,
            "fileName": meta.name,
            "fileSize": str(meta.size),
            "blockSize": str(meta.block_size),
            "compression": meta.compression,
            "contentType": meta.content_type,
            "creationTime": str(meta.created),
            "modificationTime": str(meta.modified),
            "accessTime": str(meta.accessed),
        }
    )


def _listed(pod: OpenPod, path: str) -> bool:
    """Whether the listing names a file; if there is no listing, it might."""
    try:
        inode = pod.directories.inode(parent(path))
    except Cause:
        return True
    return base(path) in [name.removeprefix(FILE) for name in inode.names]


def status(call: Call) -> Answer:
    """GET /v1/file/status"""
    drive = call.asked_drive()
    (path,) = call.asked("filePath")
    call.about(path)
    with failing(call, not_found=[FILE_NOT_FOUND], with_code=True):
        call.pod(drive).files.status(path)
    # The server reads fields that Bee has not had since version 1.17.
    return told({"total": 0, "processed": 0, "synced": 0})


def rename(call: Call) -> Answer:
    """POST /v1/file/rename"""
    given = call.told()
    drive = call.told_drive(given)
    old, new = call.needed(given, "oldPath", "newPath")
    call.about(old)
    with failing(call):
        pod = call.pod(drive)
        if pod.files.meta(old) is None:
            raise Cause(FILE_NOT_PRESENT)
        if pod.files.meta(new) is not None:
            raise Cause(FILE_EXISTS)
        name = pod.files.rename(old, new)
        pod.directories.add(parent(new), name, FILE)
        pod.directories.drop(parent(old), base(old), FILE)
    return done("file renamed successfully")


# --- sharing one file ---------------------------------------------------------------------------------------------


def share(call: Call) -> Answer:
    """POST /v1/file/share"""
    given = call.told()
    drive = call.told_drive(given)
    path, receiver = call.needed(given, "filePath", "destUser")
    call.about(path)
    with failing(call):
        pod = call.pod(drive)
        meta = pod.files.fresh(joined(path, ""))
        entry = {
            "meta": meta.document(),
            "sourceAddress": pod.address,
            "destAddress": receiver,
            "sharedTime": str(pod.files.now()),
        }
        return told({"fileSharingReference": call.network.put_chunk(compact(entry), encrypted=True)})


def receive_info(call: Call) -> Answer:
    """GET /v1/file/receiveinfo"""
    (reference,) = call.asked("sharingRef")
    with failing(call):
        call.session()
        entry, meta = _shared(call, reference)
        size = call.network.blobs.get(meta.blob).size
    return told(
        {
            "name": meta.name,
            "size": str(meta.size),
            "blockSize": str(meta.block_size),
            "numberOfBlocks": str(-(-size // meta.block_size)),
            "contentType": meta.content_type,
            "compression": meta.compression,
            "sourceAddress": str(entry.get("sourceAddress", "")),
            "destAddress": str(entry.get("destAddress", "")),
            "sharedTime": str(entry.get("sharedTime", "")),
        }
    )


def receive(call: Call) -> Answer:
    """GET /v1/file/receive"""
    name, reference, path = call.asked("podName", "sharingRef", "dirPath")
    with failing(call):
        session = call.session()
        _, meta = _shared(call, reference)
        pod = session.pods.get(name)
        target = joined(path, meta.name)
        if pod.files.meta(target) is not None:
            raise Cause(FILE_IN_DESTINATION)
        pod.files.adopt(target, meta.received(path, pod.files.now()))
        pod.directories.add(path, meta.name, FILE)
    return told({"fileName": target})


def _shared(call: Call, reference: str) -> tuple[dict[str, Any], FileMeta]:
    entry = call.network.chunk(unhex(reference))
    return entry, FileMeta.parse(entry.get("meta"))


def _field(call: Call, form: Form, name: str) -> str:
    value = call.value(form, name)
    if not value:
        raise call.refused(f'"{name}" argument missing')
    return value
