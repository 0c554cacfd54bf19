"""The Python API: where results come from, across pods, and handing that on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sovrgit.facade.base import PodBase, Where, inside

if TYPE_CHECKING:
    from sovrgit.lineage.graph import Lineage
    from sovrgit.lineage.index import LineageIndex
    from sovrgit.lineage.pods.others import OtherPods
    from sovrgit.lineage.rundiff import RunDifference


class Stories(PodBase):
    """What asks where something comes from, and writes it down for other programs."""

    def lineage(
        self,
        path: Where | None = None,
        revision: str = "HEAD",
        *,
        down: bool = False,
        fetch: bool | None = None,
        depth: int | None = None,
        pods: Iterable[str] = (),
    ) -> Lineage:
        """Where a file comes from, or with `down` what was made of it; without a path, the story of a commit or run.

        Where something came from another pod, the story goes on there. A pod that cannot be looked into is a node that
        says so.

        Args:
            fetch: True asks the other pods again, False asks nobody; otherwise commits and records of others are
                fetched if they are not here. Payload never is.
            depth: how many pods away others are followed; None for as far as it goes.
            pods: references of pods that are looked into too, and remembered; paths are relative to this pod.

        Raises:
            RevisionNotFound, PathNotFound: if there is nothing of that name.
            SovrError: if one of `pods` cannot be read.
        """
        from sovrgit.lineage.index import LineageIndex
        from sovrgit.lineage.pods.other import Asking, Following
        from sovrgit.lineage.pods.others import OtherPods

        asking = Asking.MISSING if fetch is None else Asking.ALWAYS if fetch else Asking.NEVER
        following = Following(self._clock(), asking, depth)
        networks = None if fetch is False else self._networks()
        with LineageIndex(self.repository) as index, OtherPods(self.repository, following, networks) as others:
            for reference in pods:
                others.add(reference, self.root)
            if fetch:
                others.refresh()
            return self._ask(index, others, path, revision, down)

    def _ask(self, index: LineageIndex, others: OtherPods, path: Where | None, revision: str, down: bool) -> Lineage:
        from sovrgit.lineage.down import made_from
        from sovrgit.lineage.up import lineage_of_commit, lineage_of_path, lineage_of_run
        from sovrgit.objects.ids import Kind
        from sovrgit.pod.revisions import resolve_any, resolve_commit

        if path is not None:
            ask = made_from if down else lineage_of_path
            commit = resolve_commit(self.repository, revision)
            return ask(self.repository, index, commit, inside(path), others=others)
        identity, kind = resolve_any(self.repository, revision)
        ask_record = lineage_of_run if kind is Kind.RUN else lineage_of_commit
        return ask_record(self.repository, index, identity, others=others)

    def compare_runs(self, old: str, new: str) -> RunDifference:
        """What differs between two runs, given by ids or by revisions that they made.

        Raises:
            RunNotFound, RevisionAmbiguous: if there is no such run, or several.
        """
        from sovrgit.lineage.rundiff import diff_runs
        from sovrgit.pod.revisions import resolve_run

        pod = self.repository
        return diff_runs(pod.store, resolve_run(pod, old), resolve_run(pod, new))

    def write_lineage(self, lineage: Lineage, target: Where, title: str = "") -> None:
        """Write an answer as one HTML page that needs nothing else; what is at `target` is replaced.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        from sovrgit.lineage.page.page import to_html
        from sovrgit.lineage.page.recipes import recipe_text
        from sovrgit.store.files import write_atomic

        page = to_html(lineage, title or lineage.nodes[lineage.root].label, recipe_text(self.repository.store))
        write_atomic(Path(target), page.encode())

    def export(
        self,
        target: Where,
        run: str = "HEAD",
        *,
        form: Literal["ro-crate", "prov", "in-toto"],
        with_files: bool = False,
    ) -> None:
        """Write the story of a run for programs that know nothing of sovr: a folder for `ro-crate`, otherwise a file.

        An in-toto statement is signed with the key that `sign_with` was given, if there is one.

        Args:
            run: an id, or a revision that a run made.
            with_files: for `ro-crate`: all files that are here, and not the recipe only.

        Raises:
            PodExists: if there is something at `target`.
            RunNotFound, RevisionAmbiguous: if there is no such run, or several.
            Unsupported: if the library for the format is not installed.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        from sovrgit.lineage.exports.story import gather
        from sovrgit.lineage.exports.write import refuse_existing, write_crate, write_intoto, write_prov
        from sovrgit.lineage.index import LineageIndex
        from sovrgit.pod.revisions import resolve_run

        place = Path(os.path.abspath(target))
        identity = resolve_run(self.repository, run)
        refuse_existing(place)
        with LineageIndex(self.repository) as index:
            story = gather(self.repository, index, identity)
        if form == "ro-crate":
            write_crate(self.repository, story, place, with_files=with_files)
        elif form == "prov":
            write_prov(story, place)
        elif self._signing_key is None:
            write_intoto(story, place)
        else:
            from sovrgit.lineage.exports.signing import signer_with

            write_intoto(story, place, signer_with(self._signing_key))
