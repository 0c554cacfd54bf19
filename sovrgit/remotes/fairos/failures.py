"""The failures that callers of the client tell apart. All but `SessionLost` and `LoginDoubted` leave the package.

* of `RemoteUnavailable`: `Absent` with `PodAbsent`, `FolderAbsent`, `FileAbsent` (with `LeftBehind`) and
  `ReferenceAbsent`; `NameTaken`; `SessionLost`; and from `remotes.base` `Transient`, which is worth another attempt;
* of `LoginFailed`: `LoginDoubted`.
"""

from __future__ import annotations

from sovrgit.errors import LoginFailed, RemoteUnavailable


class Absent(RemoteUnavailable):
    """Something that is not there, or was not found in time: a server says the same of both.

    So it is a fact only where nothing contradicts it. Whoever knows that the thing must exist asks again.
    """


class PodAbsent(Absent):
    """No pod of this name among the user's."""


class FolderAbsent(Absent):
    """No folder of this name in the pod."""


class FileAbsent(Absent):
    """No file of this name in the pod."""


class LeftBehind(FileAbsent):
    """A file of an earlier pod with the same address, which nobody can read, stands in the place of this one."""


class ReferenceAbsent(Absent):
    """Nothing at a sharing reference."""


class NameTaken(RemoteUnavailable):
    """Something of this name is there already."""


class SessionLost(RemoteUnavailable):
    """The server does not know the session any more, or never did. Nothing was done."""


class LoginDoubted(LoginFailed):
    """A login that was refused, or whose account was not found in time: a server says the same of both."""
