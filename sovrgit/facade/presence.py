"""The Python API: what of a pod is here, and what was left at a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovrgit.facade.base import PodBase, Where, inside

if TYPE_CHECKING:
    from sovrgit.pod.presence import Got
    from sovrgit.remotes.dropping import Dropped
    from sovrgit.remotes.usage import Usage


class Presence(PodBase):
    """Getting content, dropping it, and telling where it is."""

    @property
    def is_partial(self) -> bool:
        """Whether content may have been left at a remote."""
        return self.repository.is_partial

    def get(self, *paths: Where) -> Got:
        """Get the content of files or folders that was left at a remote, and write them here; what was written.

        Raises:
            PathNotFound: if the last commit has nothing at a path.
            NotFetched, RemoteUnavailable, RemoteDamaged: if it cannot be had.
        """
        from sovrgit.pod.presence import get_paths

        return get_paths(self.repository, [inside(path) for path in paths])

    def get_all(self) -> Got:
        """Get all content of all commits. The pod is a whole one from then on.

        Raises:
            NotFetched, RemoteUnavailable, RemoteDamaged: if it cannot be had.
        """
        from sovrgit.remotes.completing import get_all
        from sovrgit.remotes.supply import Supply

        return get_all(self.repository, Supply(self.repository, self._networks()))

    def drop(self, *paths: Where, remote: str | None = None) -> Dropped:
        """Remove files here with their content, once it was read back from a remote.

        Args:
            remote: the only one that is asked.

        Raises:
            NotProven: if no remote is proven to hold all of it. Nothing is removed.
            LocalChanges: if something was changed since the last commit.
            PathNotFound: if the last commit has nothing at a path.
        """
        from sovrgit.remotes.dropping import drop
        from sovrgit.remotes.supply import Supply

        supply = Supply(self.repository, self._networks())
        remotes = () if remote is None else (remote,)
        wanted = [inside(path) for path in paths]
        return drop(self.repository, wanted, supply, now_ns=self._clock(), remotes=remotes)

    def usage(self, path: Where = ".") -> Usage:
        """How large the files of the last commit are, and what of them is here.

        Raises:
            PathNotFound: if it has nothing at the path.
        """
        from sovrgit.remotes.usage import usage

        return usage(self.repository, inside(path))
