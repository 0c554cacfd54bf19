"""The Python API: remotes, and sharing what is in a pod."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sovrgit.facade.base import PodBase, Where, inside

if TYPE_CHECKING:
    from sovrgit.outputs import PublishedOutput
    from sovrgit.pod.merge import FastForward, Merged
    from sovrgit.remotes.fetch import Fetched
    from sovrgit.remotes.locations import RemoteSetting
    from sovrgit.remotes.push import Pushed


class Sharing(PodBase):
    """Transfer, and giving out references."""

    def remotes(self) -> list[RemoteSetting]:
        """The remotes that the pod knows."""
        from sovrgit.remotes.locations import remotes

        return remotes(self.repository)

    def add_remote(self, name: str, location: Where, *, private: bool | None = None) -> RemoteSetting:
        """Call a place by a name from now on. A relative path is taken from the pod's folder.

        Args:
            location: a folder, `fairos:POD`, or a sharing reference.
            private: whether a pod on a network is to be sealed; None leaves it to the recipe.

        Raises:
            RemoteExists: if the name is taken.
        """
        from sovrgit.remotes.locations import add_remote

        return add_remote(self.repository, name, os.fspath(location), self.root, self._networks(), private=private)

    def push(
        self,
        remote: str | None = None,
        *branches: str,
        runs: bool = False,
        full: bool = False,
        allowed: Iterable[Where] = (),
    ) -> Pushed:
        """Send the current branch, or those named, and everything that they need.

        Args:
            runs: also records of failed and repeated runs.
            allowed: paths of files that look like secrets and may be sent all the same.
            full: of a fork also what its readers could get from where it was forked from.

        Raises:
            RemoteUnknown: if there is no such remote.
            RemoteStale: if the remote has commits that are not here.
        """
        from sovrgit.actions import push_pod

        name = self._remote(remote)
        return push_pod(
            self.repository,
            name,
            time_ns=self._clock(),
            branches=branches,
            with_runs=runs,
            full=full,
            allowed=[inside(path) for path in allowed],
            networks=self._networks(),
        )

    def fetch(self, remote: str | None = None, *, accept_divergence: bool = False, unshallow: bool = False) -> Fetched:
        """Get what a remote has, without touching the files here.

        Args:
            accept_divergence: take the remote as it is, even if it went back or forked.
            unshallow: get the history that `clone(depth=…)` has left out.

        Raises:
            RemoteUnknown, RemoteUnavailable, RemoteDiverged, RemoteDamaged: as the remote gives cause.
        """
        from sovrgit.actions import fetch_pod

        return fetch_pod(
            self.repository,
            self._remote(remote),
            time_ns=self._clock(),
            accept_divergence=accept_divergence,
            unshallow=unshallow,
            networks=self._networks(),
        )

    def pull(self, remote: str | None = None, *, fast_forward: FastForward = "allowed") -> Merged:
        """Fetch, and merge the remote's branch into this one; what came of it, with conflicts if there are any.

        Raises:
            HistoryDiverged: if both sides have moved on, and they are not to be merged.
            LocalChanges: if a file that would change is changed locally.
            SovrError: as for `fetch`.
        """
        from sovrgit.actions import pull_pod

        return pull_pod(
            self.repository,
            self._remote(remote),
            self.stamp(),
            time_ns=self._clock(),
            fast_forward=fast_forward,
            networks=self._networks(),
        )[1]

    def share(self, remote: str | None = None, *, private: bool = False) -> str:
        """The reference by which others clone what was pushed. Whoever has it can read all of it, for ever.

        Args:
            private: give out the key of a private pod with it.

        Raises:
            Unsupported: if the remote is a folder, or private and `private` was not given, or the other way round.
            RemoteUnavailable: if nothing was pushed yet, or there is no network.
        """
        from sovrgit.errors import Unsupported
        from sovrgit.sharing import share_pod

        networks = self._networks()
        if networks is None:
            raise Unsupported(what="sharing", reason="nothing is known here of networks")
        return share_pod(self.repository, self._remote(remote), networks, private=private).reference

    def publish_output(self, remote: str | None = None) -> PublishedOutput | None:
        """Push what the recipe shares of the output as a pod of its own; None if it shares nothing.

        Raises:
            SovrError: as for `push`.
        """
        from sovrgit.outputs import publish_output

        return publish_output(self.repository, self._remote(remote), time_ns=self._clock(), networks=self._networks())
