"""Names that are those of a repository, here or on some other file system."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sovrgit.errors import UnsafeName

REPOSITORIES = frozenset({".sovr", ".git"})
"""Folders, in lower case, that belong to a program and not to a pod: what is in them decides what that program does."""

# What HFS+ leaves out when it compares names (Apple TN1150, `FastUnicodeCompare`): joiners, marks and changes of
# direction, and the byte order mark, in UTF-8.
_IGNORED = rb"(?:\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf)*"

# Where case is folded as Unicode says, the long s is an s.
_LETTERS = {"s": rb"(?:s|\xc5\xbf)"}

# NTFS leaves out dots and spaces at the end, and what follows a colon is a stream of the same file.
_END = rb"[. ]*(?::[^/]*)?(?:/|\Z)"


def _spelled(name: str) -> bytes:
    letters = (_LETTERS.get(letter, re.escape(letter.encode())) for letter in name)
    return _IGNORED + _IGNORED.join(letters) + _IGNORED


# `SOVR~1` is the short name that FAT and NTFS give to the first `.sovr` of a folder, and `GI7EBA~1` what NTFS calls
# `.git` where `GIT~1` to `GIT~4` are taken.
_ALIAS = re.compile(
    rb"(?i)(?:\A|/)(?:%s|(?:sovr|git|gi7eba)~[0-9]+)%s" % (b"|".join(map(_spelled, sorted(REPOSITORIES))), _END)
)


def refuse_aliases(names: Iterable[bytes]) -> None:
    """Check that none of the names in a folder, or components of a path, leads into a repository, wherever it may be
    copied to.

    Raises:
        UnsafeName: if one does.
    """
    found = _ALIAS.search(b"/".join(names))
    if found:
        raise UnsafeName(
            name=found.group().strip(b"/").decode("ascii", "backslashreplace"),
            reason="a repository's own folder, or what some file systems take for it",
        )
