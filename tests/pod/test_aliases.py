"""Names that lead into a repository, here or where a pod may be copied to."""

from __future__ import annotations

import os

import pytest
from pod_lab import Lab, text

from sovrgit.errors import UnsafeName
from sovrgit.pod.aliases import refuse_aliases

ALIASES = [
    *(b".sovr", b".SOVR", b".git", b".GIT", b".giT", b".sovr ", b".sovr.", b".sovr. .", b".git ", b".git..."),
    *(b".SOVR::$INDEX_ALLOCATION", b".git:stream", b".git. :x", b"SOVR~1", b"sovr~2", b"GIT~1", b"git~12", b"gi7eba~1"),
    *(
        name.encode()
        for name in (".so\u200cvr", ".sovr\u200d", "\ufeff.git", ".g\u206fit", ".\u017fovr", "\u202e.SOVR")
    ),
    *(b"GIT~1. ", b"git~1:x", ".git\u200b\u200c".replace("\u200b", "").encode()),
]

OTHERS = [
    *(b".gitignore", b".github", b".gitattributes", b".sovrignore", b"git", b"sovr", b".git~", b"x.git", b"agit~1"),
    *(b"git~", b"git~1x", b".sovr2", b"..git", b".g it", "\u00e9.git".encode(), b".gi\xfft", b"", b"\n.git"),
]


@pytest.mark.parametrize("name", ALIASES)
@pytest.mark.parametrize("place", [b"%s", b"d/%s", b"%s/config", b"d/e/%s/f"])
def test_refused_wherever_it_stands(name: bytes, place: bytes) -> None:
    with pytest.raises(UnsafeName) as refused:
        refuse_aliases([b"a", place % name, b"z"])
    assert str(refused.value).isascii()


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_names_like_any(name: bytes) -> None:
    refuse_aliases([name, b"d/" + name + b"/f"])


def test_a_repository_of_git_is_never_recorded(lab: Lab) -> None:
    lab.put(b".git/config", b"[core]")
    lab.put(b"d/.GIT", b"gitdir: elsewhere")
    lab.put(b"d/f", b"1")
    lab.commit()
    assert lab.committed() == {b"d/f": text(b"1")}
    assert lab.changes() == set()


def test_what_nobody_could_check_out_is_not_recorded(lab: Lab) -> None:
    lab.put(b"d/git~1", b"1")
    with pytest.raises(UnsafeName):
        lab.commit()
    os.unlink(lab.path(b"d/git~1"))
    lab.commit()
