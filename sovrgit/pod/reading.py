"""Reading the working tree: what the operating system refuses, told with the path that it is about."""

from __future__ import annotations

import errno
import os

from sovrgit.errors import FileUnstable, SovrError, StorageFailure

_DENIED = {errno.EACCES, errno.EPERM}

_REPLACED = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL}
"""What is reported of a path that is not what it was when its folder was listed. EINVAL: no link any more."""


def unreadable(error: OSError, path: str) -> SovrError:
    """The error that tells why a path of the working tree could not be read.

    Args:
        path: from the pod's root; empty for the root itself.
    """
    if error.errno in _REPLACED:
        return FileUnstable(path=path or os.curdir)
    hint = "check its permissions, or name it in `.sovrignore`" if error.errno in _DENIED else None
    return StorageFailure(path=path or os.curdir, reason=(error.strerror or str(error)).lower(), hint=hint)
