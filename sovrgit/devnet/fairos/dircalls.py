"""The calls about directories."""

from __future__ import annotations

from http import HTTPStatus

from sovrgit.devnet.fairos.answers import Answer, done, told
from sovrgit.devnet.fairos.call import Call, failing
from sovrgit.devnet.fairos.causes import NO_SUCH_DIRECTORY, NOT_LOGGED_IN, Cause
from sovrgit.devnet.fairos.directories import DIRECTORY, FILE
from sovrgit.devnet.fairos.paths import ROOT, base, joined, parent


def make(call: Call) -> Answer:
    """POST /v1/dir/mkdir"""
    drive, path = call.drive_and(call.told(), "dirPath")
    with failing(call, NOT_LOGGED_IN):
        call.pod(drive).directories.make(path)
    return done("directory created successfully", HTTPStatus.CREATED)


def remove(call: Call) -> Answer:
    """DELETE /v1/dir/rmdir"""
    drive, path = call.drive_and(call.told(), "dirPath")
    with failing(call, NOT_LOGGED_IN):
        call.pod(drive).directories.remove(path)
    return done("directory removed successfully")


def list_(call: Call) -> Answer:
    """GET /v1/dir/ls"""
    drive = call.asked_drive()
    (path,) = call.asked("dirPath")
    with failing(call, NOT_LOGGED_IN, not_found=[NO_SUCH_DIRECTORY]):
        pod = call.pod(drive)
        try:
            pod.directories.inode(joined(path, ""))
        except Cause:
            raise Cause(NO_SUCH_DIRECTORY) from None
        directories, paths = pod.directories.listed(path)
        return listing([inode.entry() for inode in directories], [meta.entry() for meta in pod.files.listed(paths)])


def stat(call: Call) -> Answer:
    """GET /v1/dir/stat"""
    call.prefix = "dir"
    drive = call.asked_drive()
    call.prefix = "dir present"
    (path,) = call.asked("dirPath")
    call.prefix = "dir stat"
    with failing(call, NOT_LOGGED_IN):
        directories = call.pod(drive).directories
        if path != ROOT:
            try:
                above = directories.inode(parent(path))
            except Cause:
                raise Cause(NO_SUCH_DIRECTORY) from None
            if base(path) not in [name.removeprefix(DIRECTORY) for name in above.names]:
                raise Cause(NO_SUCH_DIRECTORY)
        inode = directories.inode(path)
        return told(
            {
                "podName": drive.name,
                "dirPath": inode.path,
                "dirName": inode.name,
                "mode": inode.mode,
                "creationTime": str(inode.created),
                "modificationTime": str(inode.modified),
                "accessTime": str(inode.accessed),
                "noOfDirectories": str(len(directories.names(path, DIRECTORY))),
                "noOfFiles": str(len(directories.names(path, FILE))),
            }
        )


def present(call: Call) -> Answer:
    """GET /v1/dir/present"""
    drive = call.asked_drive()
    (path,) = call.asked("dirPath")
    try:
        return told({"present": call.pod(drive).directories.present(path)})
    except Cause as cause:
        return told({"present": False, "error": cause.message})


def listing(directories: list[dict[str, object]], files: list[dict[str, object]]) -> Answer:
    """What is in a directory; what there is none of is left out."""
    return told({name: entries for name, entries in (("dirs", directories), ("files", files)) if entries})
