"""Which call is answered by what."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from sovrgit.devnet.fairos import dircalls, filecalls, podcalls, publiccalls, usercalls
from sovrgit.devnet.fairos.answers import Answer, Refused
from sovrgit.devnet.fairos.call import Call
from sovrgit.devnet.fairos.causes import FILE_NOT_FOUND, NO_SUCH_DIRECTORY, NO_SUCH_FEED, NO_SUCH_POD, NO_SUCH_USER
from sovrgit.devnet.fairos.publiccalls import PUBLIC

ANY = ""
"""Instead of a method: whatever it is."""


UNKNOWN = "(unknown)"


class Route(NamedTuple):
    """How a call is answered.

    Attributes:
        prefix: what the messages of the call begin with.
        login: whether it needs a login.
        missing: the status and the cause if what it asks for is not found.
        with_code: whether the errors of this call have a `code`.
    """

    answer: Callable[[Call], Answer]
    prefix: str
    login: bool = True
    missing: tuple[int, str] = (HTTPStatus.INTERNAL_SERVER_ERROR, NO_SUCH_FEED)
    with_code: bool = False

    def not_found(self) -> Refused:
        """The answer if what the call asks for is not found."""
        status, cause = self.missing
        return Refused(status, f"{self.prefix}: {cause}", with_code=self.with_code)


_NO_FILE = (HTTPStatus.INTERNAL_SERVER_ERROR, FILE_NOT_FOUND)
_NO_FILE_404 = (HTTPStatus.NOT_FOUND, FILE_NOT_FOUND)
_NO_POD = (HTTPStatus.INTERNAL_SERVER_ERROR, NO_SUCH_POD)
_NO_POD_400 = (HTTPStatus.BAD_REQUEST, NO_SUCH_POD)
_NO_POD_404 = (HTTPStatus.NOT_FOUND, NO_SUCH_POD)
_NO_DIRECTORY = (HTTPStatus.INTERNAL_SERVER_ERROR, NO_SUCH_DIRECTORY)
_NO_DIRECTORY_404 = (HTTPStatus.NOT_FOUND, NO_SUCH_DIRECTORY)
_NO_USER = (HTTPStatus.NOT_FOUND, NO_SUCH_USER)
_PUBLIC_FILE = "public pod file download"

ROUTES: dict[tuple[str, str], Route] = {
    (ANY, "/"): Route(publiccalls.root, "root", login=False),
    (ANY, "/version"): Route(publiccalls.version, "version", login=False),
    (ANY, "/v1/robots.txt"): Route(publiccalls.robots, "robots", login=False),
    (ANY, "/v2/robots.txt"): Route(publiccalls.robots, "robots", login=False),
    (ANY, "/public-file"): Route(publiccalls.file, _PUBLIC_FILE, login=False, with_code=True),
    (ANY, "/public-dir"): Route(publiccalls.directory, _PUBLIC_FILE, login=False, with_code=True),
    (ANY, PUBLIC): Route(publiccalls.file_by_path, _PUBLIC_FILE, login=False, with_code=True),
    ("GET", "/public-pod-snapshot"): Route(publiccalls.snapshot, "pod receive snapshot", login=False, with_code=True),
    ("POST", "/v2/user/signup"): Route(usercalls.sign_up, "user signup", login=False),
    ("POST", "/v2/user/login"): Route(usercalls.log_in, "user login", login=False, missing=_NO_USER),
    ("POST", "/v2/user/login-with-signature"): Route(usercalls.log_in_with_signature, "user login", login=False),
    ("GET", "/v2/user/present"): Route(usercalls.present, "user present", login=False),
    ("DELETE", "/v2/user/delete"): Route(usercalls.delete, "user delete"),
    ("POST", "/v2/user/migrate"): Route(usercalls.deprecated, "user migrate"),
    ("POST", "/v1/user/signup"): Route(usercalls.old_sign_up, "user signup", login=False),
    ("POST", "/v1/user/login"): Route(usercalls.deprecated, "user login", login=False),
    ("GET", "/v1/user/present"): Route(usercalls.old_present, "user present", login=False),
    ("GET", "/v1/user/isloggedin"): Route(usercalls.is_logged_in, "user isloggedin", login=False),
    ("POST", "/v1/user/logout"): Route(usercalls.log_out, "user logout"),
    ("POST", "/v1/user/export"): Route(usercalls.deprecated, "user export"),
    ("DELETE", "/v1/user/delete"): Route(usercalls.deprecated, "user delete"),
    ("GET", "/v1/user/stat"): Route(usercalls.stat, "user stat"),
    ("GET", "/v1/pod/present"): Route(podcalls.present, "doc ls"),
    ("POST", "/v1/pod/new"): Route(podcalls.new, "pod new"),
    ("POST", "/v1/pod/open"): Route(podcalls.open_, "pod open", missing=_NO_POD_404),
    ("POST", "/v1/pod/open-async"): Route(usercalls.deprecated, "pod/open-async"),
    ("POST", "/v1/pod/close"): Route(podcalls.close, "pod close", missing=_NO_POD),
    ("POST", "/v1/pod/sync"): Route(podcalls.sync, "pod sync", missing=_NO_POD_400),
    ("POST", "/v1/pod/sync-async"): Route(podcalls.sync, "pod sync", missing=_NO_POD_400),
    ("POST", "/v1/pod/share"): Route(podcalls.share, "pod share", missing=_NO_POD_400),
    ("DELETE", "/v1/pod/delete"): Route(podcalls.delete, "pod delete", missing=_NO_POD),
    ("GET", "/v1/pod/ls"): Route(podcalls.list_, "ls pod"),
    ("GET", "/v1/pod/stat"): Route(podcalls.stat, "pod stat", missing=_NO_POD),
    ("GET", "/v1/pod/receive"): Route(podcalls.receive, "pod receive", with_code=True),
    ("GET", "/v1/pod/receiveinfo"): Route(podcalls.receive_info, "pod receive info", with_code=True),
    ("POST", "/v1/pod/fork"): Route(podcalls.fork, "pod fork", missing=_NO_POD_400),
    ("POST", "/v1/pod/fork-from-reference"): Route(podcalls.fork_reference, "pod fork"),
    ("POST", "/v1/dir/mkdir"): Route(dircalls.make, "mkdir", missing=_NO_DIRECTORY),
    ("DELETE", "/v1/dir/rmdir"): Route(dircalls.remove, "rmdir", missing=_NO_DIRECTORY),
    ("GET", "/v1/dir/ls"): Route(dircalls.list_, "ls", missing=_NO_DIRECTORY_404),
    ("GET", "/v1/dir/stat"): Route(dircalls.stat, "dir stat", missing=_NO_DIRECTORY),
    ("GET", "/v1/dir/present"): Route(dircalls.present, "dir present"),
    ("GET", "/v1/file/status"): Route(filecalls.status, "status", missing=_NO_FILE_404, with_code=True),
    ("GET", "/v1/file/download"): Route(filecalls.download, "download", missing=_NO_FILE_404, with_code=True),
    ("POST", "/v1/file/download"): Route(filecalls.download_by_form, "download", missing=_NO_FILE_404, with_code=True),
    ("POST", "/v1/file/upload"): Route(filecalls.upload, "file upload", missing=_NO_POD_404),
    ("POST", "/v1/file/share"): Route(filecalls.share, "file share"),
    ("GET", "/v1/file/receive"): Route(filecalls.receive, "file receive"),
    ("GET", "/v1/file/receiveinfo"): Route(filecalls.receive_info, "file receive info"),
    ("DELETE", "/v1/file/delete"): Route(filecalls.delete, "file delete", missing=_NO_FILE),
    ("GET", "/v1/file/stat"): Route(filecalls.stat, "file stat", missing=_NO_FILE),
    ("POST", "/v1/file/rename"): Route(filecalls.rename, "file rename", missing=_NO_FILE),
}

_PATHS = {path for _, path in ROUTES}


def call_name(method: str, path: str) -> str:
    """What a call is counted and told of as. It holds nothing that only the client knows."""
    known = PUBLIC if path.startswith(PUBLIC) else path
    return f"{method} {known if known in _PATHS else UNKNOWN}"


def find(method: str, path: str) -> Route | int:
    """How a call is answered, or the status if it is not.

    A wrong method is told from a wrong path (405) outside of `/v1` and `/v2` only.
    """
    if path.startswith(PUBLIC):
        path = PUBLIC if path != PUBLIC and not path.startswith(PUBLIC + "/") else UNKNOWN
    route = ROUTES.get((method, path)) or ROUTES.get((ANY, path))
    if route is not None:
        return route
    known = path in _PATHS and not path.startswith(("/v1/", "/v2/"))
    return HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND
