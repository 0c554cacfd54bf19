"""The Python API: exchange with Git repositories on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.facade.base import PodBase, Where

if TYPE_CHECKING:
    from sovrgit.gitexchange import Exported, Imported


class GitExchange(PodBase):
    """History from Git and to Git. `sovrgit.import_git` makes a pod of a repository."""

    def import_git(self, repository: Where, *, name: str = "git") -> Imported:
        """Bring what is new in a Git repository into this pod: its branches as remote branches; the pod's own go
        forward to them, but not the one that is checked out.

        Args:
            name: what the other side is called here.

        Raises:
            RemoteExists: if a remote has this name.
            GitUnusable, GitDamaged, UnsafeName: if the repository cannot be taken. No ref has moved.
        """
        from sovrgit.gitexchange import ImportRequest, import_git

        return import_git(self.repository, ImportRequest(Path(repository), self._clock(), name))

    def export_git(self, repository: Where, *, lfs_over: int = 0, force: bool = False) -> Exported:
        """Bring a Git repository up to date with this pod; it is made if it is not there.

        Args:
            lfs_over: files of more bytes become pointers of Git LFS; 0 for none.
            force: move branches and tags there even if commits get lost by it.

        Raises:
            GitRefRefused: if a branch there has other commits, or is checked out. No ref has moved.
            GitUnusable, GitDamaged: if the place cannot be used.
        """
        from sovrgit.gitexchange import ExportRequest, export_git

        return export_git(self.repository, ExportRequest(Path(repository), lfs_over, force))
