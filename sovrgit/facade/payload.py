"""The Python API: what the recipe takes from other pods."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sovrgit.facade.base import PodBase, Where

if TYPE_CHECKING:
    from sovrgit.payloads.locking import Change
    from sovrgit.payloads.source import Access
    from sovrgit.payloads.state import PayloadState


class Payload(PodBase):
    """Payload of other pods: how it stands, and locking it. Runs get it by themselves."""

    def payload(self) -> list[PayloadState]:
        """How everything stands that the recipe takes from other pods: what is locked, whether it is here, and what the
        other pods have by now. One that cannot be reached is no error.

        Raises:
            RecipeInvalid: if recipe or lock cannot be read.
            PayloadChanged: if the lock does not tell the truth.
        """
        from sovrgit.payloads.state import states

        return states(self._access())

    def update_payload(self, *references: str) -> list[Change]:
        """Look up anew what payload is, all of it or that from some references, and write it into `recipe.lock`.

        Raises:
            PathNotFound: if another pod has no such path, or the recipe no such reference.
            PayloadUnavailable: if another pod cannot be had. The lock is as it was.
        """
        from sovrgit.payloads.changing import update

        return list(update(self._access(), references).changes)

    def add_payload(self, reference: Where, path: str) -> Change:
        """Let the recipe take a file, folder or archive from another pod, and lock it.

        Args:
            reference: a path, from the pod's folder; a `file://` address, the name of a remote, a sharing reference, or
                the name of a pod on your account; behind an `@`, a branch, a tag or a commit.
            path: in the other pod; `.` for all of it.

        Raises:
            RecipeInvalid: if the recipe has it already, or no place for it.
            PathNotFound, PayloadUnavailable: if it cannot be had. Recipe and lock are as they were.
        """
        from sovrgit.payloads.changing import add

        return add(self._access(), os.fspath(reference), path).changes[0]

    def _access(self) -> Access:
        from sovrgit.payloads.source import Access

        return Access(self.repository, self._networks(), self._clock())
