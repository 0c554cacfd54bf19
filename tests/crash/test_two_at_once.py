"""Two processes at work on one pod: both finish, or one says who holds the lock, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sovrgit.objects.commit import Stamp
from sovrgit.pod.branches import create_branch
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.pod import Pod

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)
ENVIRONMENT = {
    **{"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SOVR_CONFIG": "", "SOVR_CREDENTIALS": "/nonexistent/credentials"},
    **{"SOVR_AUTHOR_NAME": "Ann", "SOVR_AUTHOR_EMAIL": "ann@example.org", "SOVR_NO_INPUT": "1"},
}
COMMIT = ("commit", "-m", "More")
NEGATIVE, LOCKED, STALE = 1, 40, 53


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        (COMMIT, COMMIT, {0, NEGATIVE}),
        (COMMIT, ("gc",), {0, LOCKED}),
        (("push",), ("push",), {0, STALE, LOCKED}),
        (("merge", "side"), COMMIT, {0, NEGATIVE, 23}),
    ],
    ids=["commit and commit", "commit and gc", "push and push", "merge and commit"],
)
def test_two_at_once(tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...], allowed: set[int]) -> None:
    root = tmp_path / "pod"
    with Pod.create(root) as pod:
        (root / "a").write_text("1\n")
        begun = commit(pod, CommitRequest(ANN, "First")).id
        create_branch(pod, "side", begun, time_ns=1)
        pod.config.set("remote.origin.url", os.fspath(tmp_path / "there"))
    (root / "b").write_text("2\n")
    command = [sys.executable, "-m", "sovrgit"]
    processes = [
        subprocess.Popen([*command, *arguments], cwd=root, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True)
        for arguments in (first, second)
    ]
    ended = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert 0 in [code for _, code in ended], ended
    assert {code for _, code in ended} <= allowed, ended
    with Pod(root) as pod:
        assert check_pod(pod).problems == ()
        head = pod.head()
        assert head is not None and is_ancestor(pod.store, begun, head)
        assert (root / "b").read_text() == "2\n"
