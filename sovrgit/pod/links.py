"""What objects say of each other: the links that a check follows, and that keep things from being collected."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

from sovrgit.objects.ids import Kind, ObjectId

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

Link: TypeAlias = tuple[ObjectId, Collection[Kind]]
"""What is named, and the kinds that it may have."""


def links_of(store: ObjectStore, item: ObjectId, kind: Kind) -> Iterator[Link]:
    """The links of an object that is no tree and no blob.

    What a record merely mentions is no link: the base of a run, which may have been amended away, and commits of other
    pods.

    Raises:
        ObjectMissing, IntegrityFailure, ObjectInvalid: if it cannot be read.
    """
    if kind is Kind.COMMIT:
        commit = store.commit(item)
        yield from ((parent, {Kind.COMMIT}) for parent in commit.parents)
        yield commit.tree, {Kind.TREE}
        if commit.run is not None:
            yield commit.run, {Kind.RUN}
    elif kind is Kind.RUN:
        run = store.run(item)
        yield run.recipe, {Kind.BLOB}
        yield from ((tree, {Kind.TREE}) for tree in (run.input, run.output, run.log) if tree is not None)
        if run.repeats is not None:
            yield run.repeats, {Kind.RUN}
        yield from ((member.run, {Kind.RUN}) for member in run.pods)
    elif kind is Kind.VERDICT:
        verdict = store.verdict(item)
        yield verdict.run, {Kind.RUN}
        yield verdict.repeat, {Kind.RUN}
    elif kind is Kind.TAG:
        tag = store.tag(item)
        yield tag.target, {tag.kind}
