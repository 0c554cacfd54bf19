"""Why a call fails, in the words of FairOS: clients recognise failures by them."""

from __future__ import annotations

NOT_LOGGED_IN = "user not logged-in"
NO_SUCH_POD = "pod does not exist"
POD_EXISTS = "pod already exists"
POD_NAME_TOO_LONG = "pod name too long"
POD_NAME_BLANK = "pod name cannot be blank"
REFERENCE_BLANK = "pod sharing reference cannot be blank"
FORK_EXISTS = "pod with fork name already exists"
TOO_MANY_PODS = "max number of pods reached"
READ_ONLY_POD = "operation not permitted: read only pod"
READ_ONLY_FEED = "read only feed"
NO_SUCH_FEED = "feed does not exist or was not updated yet"
DELETED_FEED = "deleted feed"
DELETED_RESOURCE = "resource was deleted"
FILE_NOT_FOUND = "file not found in dfs"
FILE_NOT_PRESENT = "file not present"
FILE_EXISTS = "file already exist with new name"
FILE_IN_DESTINATION = "file already present in the destination dir"
NO_STATUS = "file status is not available"
NO_SUCH_DIRECTORY = "directory not present"
DIRECTORY_EXISTS = "directory name already present"
BAD_DIRECTORY_NAME = "invalid directory name"
DIRECTORY_NAME_TOO_LONG = "too long directory name"
BAD_ENTRY_NAME = "invalid file or directory name"
BAD_BLOCK_SIZE = "upload: block size must be between 1000000 - 8000000 (1Mb - 8Mb)"
TOO_MUCH_METADATA = "payload size is too large. maximum payload size is 4096 bytes"
TOO_BIG_A_CHUNK = "max chunk size exceeded"
NO_SUCH_BLOB = "Not Found"
NO_REFERENCE = "joiner failed"
"""What Bee says to a reference of an impossible length."""

WRONG_PASSWORD = "error downloading data"
"""What an account that is sought under the wrong password ends with."""

NOT_JSON = "invalid character '\\x1f' looking for beginning of value"
"""What reading something that another password has encrypted ends with."""

NO_SUCH_USER = "no user available"
BAD_PASSWORD = "invalid password"
BAD_USER_NAME = "invalid user name"
USER_EXISTS = "user name already present"
PASSWORD_TOO_SHORT = "password should be at least 12 characters long"
BAD_MNEMONIC = "number of word in mnemonic is not 12"
OVERISSUED = "batch is overissued"


class Cause(Exception):
    """A call cannot be done. Each call decides the status and puts its own words before."""

    @property
    def message(self) -> str:
        """The cause, as the server words it."""
        return str(self.args[0])


class Panic(Exception):
    """The connection is closed without an answer, mostly because the real server panics here."""


class Endless(Exception):
    """The real server loops here for ever: the client waits until it gives up."""


def damaged(part: str) -> Cause:
    """Something in this part of the stand-in's folder is not what was written there."""
    return Cause(f"the stand-in's folder is damaged: {part}")
