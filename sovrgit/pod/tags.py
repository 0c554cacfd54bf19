"""Tags: names that stay where they are; light ones, and annotated ones with an author and a message."""

from __future__ import annotations

from dataclasses import dataclass

from sovrgit.errors import NameTaken, RevisionNotFound, UnsafeName
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tag import Tag
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import TAGS, RefChange, check_ref


@dataclass(frozen=True, slots=True)
class TagName:
    """A tag: what it names in the end, and the tag object if it is annotated."""

    name: str
    id: ObjectId
    target: ObjectId
    kind: Kind
    tag: Tag | None = None


def tags(pod: Pod) -> list[TagName]:
    """All tags, by name."""
    return [_look(pod, name, value) for name, value in sorted(pod.refs.read().under(TAGS).items())]


def create_tag(
    pod: Pod,
    name: str,
    target: ObjectId,
    *,
    time_ns: int,
    message: str = "",
    tagger: Stamp | None = None,
    force: bool = False,
) -> TagName:
    """Name an object. With a message and a tagger the tag is annotated.

    Raises:
        NameTaken: if there is a tag of this name, and it is not to be replaced.
        UnsafeName: if a tag cannot be called so.
    """
    ref = _tag_ref(name)
    with pod.lock():
        old = pod.refs.read().values.get(ref)
        if old is not None and not force:
            raise NameTaken(what="tag", name=name, hint="a tag stays where it is; `--force` moves it all the same")
        value = target
        if tagger is not None:
            made = Tag(name, target, pod.store.kind(target), tagger, message)
            with pod.store.session() as session:
                value = session.add(Kind.TAG, made.encode())
                session.commit()
        pod.refs.update([RefChange(ref, old, value)], command="tag", time_ns=time_ns)
    return _look(pod, name, value)


def delete_tag(pod: Pod, name: str, *, time_ns: int) -> TagName:
    """Remove a tag.

    Raises:
        RevisionNotFound: if there is none of this name.
    """
    with pod.lock():
        old = pod.refs.read().values.get(TAGS + name)
        if old is None:
            raise RevisionNotFound(revision=name, hint="`sovr tag` lists the tags")
        gone = _look(pod, name, old)
        pod.refs.update([RefChange(TAGS + name, old, None)], command="tag --delete", time_ns=time_ns)
    return gone


def _look(pod: Pod, name: str, value: ObjectId) -> TagName:
    target, kind, first = value, pod.store.kind(value), None
    while kind is Kind.TAG:
        tag = pod.store.tag(target)
        first = first or tag
        target, kind = tag.target, tag.kind
    return TagName(name, value, target, kind, first)


def _tag_ref(name: str) -> str:
    hint = "choose a name of letters, digits, `.`, `-`, `_` and `/`"
    if name in ("HEAD", "@") or name.startswith("-"):
        raise UnsafeName(name=name, reason="no tag can be called so, since it means something else", hint=hint)
    try:
        return check_ref(TAGS + name)
    except UnsafeName as error:
        error.advise(hint)
        raise
