"""Commits and tags, in Git's bytes and in ours.

What our objects cannot hold is kept under the key `git` beside their fields (`docs/internals/format.md`): always Git's
id, and of the rest only what differs from what would be written without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange.ids import GIT_ID_SIZE, KINDS_BY_LABEL, GitId, GitKind, git_id
from sovrgit.gitexchange.people import decoded, read_stamp, stamp_line
from sovrgit.objects.commit import GIT, Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tag import Tag

MAX_RAW = 4 << 20
"""Bytes in a commit or tag of Git's. Ours hold 16 MiB, and may need some of it twice."""

MAX_PARENTS = 4096

TRAILER = "Sovr-Run"
"""The trailer that names the run a commit was made by."""

OURS = {GitKind.COMMIT: Kind.COMMIT, GitKind.TREE: Kind.TREE, GitKind.BLOB: Kind.BLOB, GitKind.TAG: Kind.TAG}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}


class GitCommit(NamedTuple):
    """A commit of Git's, taken apart. `headers` are the lines after `committer`, as they are; `is_plain` says whether
    writing these parts again gives the same bytes."""

    tree: GitId
    parents: tuple[GitId, ...]
    author: bytes
    committer: bytes
    headers: bytes
    message: bytes
    is_plain: bool


class GitTag(NamedTuple):
    """A tag of Git's, as far as it has to be followed."""

    target: GitId
    kind: GitKind


def read_commit(identity: GitId, raw: bytes) -> GitCommit:
    """A commit of Git's, taken apart. Beyond its tree and parents nothing in it is refused.

    Raises:
        GitDamaged: if it has no tree, or is larger than any that is known.
    """
    if len(raw) > MAX_RAW:
        raise _damaged(identity, "commit", f"{len(raw)} bytes are too large")
    head, _, message = raw.partition(b"\n\n")
    lines = head.split(b"\n")
    tree = _hex_after(b"tree ", lines[0])
    if tree is None:
        raise _damaged(identity, "commit", "it names no tree")
    parents = []
    at = 1
    while at < len(lines) and (parent := _hex_after(b"parent ", lines[at])) is not None:
        parents.append(parent)
        at += 1
    if len(parents) > MAX_PARENTS:
        raise _damaged(identity, "commit", f"it has {len(parents)} parents")
    author = committer = headers = b""
    is_plain = True
    if at + 1 < len(lines) and lines[at].startswith(b"author ") and lines[at + 1].startswith(b"committer "):
        author, committer = lines[at][7:], lines[at + 1][10:]
        headers = b"\n".join(lines[at + 2 :])
    else:
        is_plain = False
        author = next((line[7:] for line in lines if line.startswith(b"author ")), b"")
        committer = next((line[10:] for line in lines if line.startswith(b"committer ")), author)
        headers = b"\n".join(lines[at:])
    made = GitCommit(tree, tuple(parents), author, committer, headers, message, is_plain)
    return made._replace(is_plain=is_plain and write_commit(made) == raw)


def write_commit(commit: GitCommit) -> bytes:
    """The bytes that Git hashes."""
    lines = [b"tree " + commit.tree.hex().encode()]
    lines += [b"parent " + parent.hex().encode() for parent in commit.parents]
    lines += [b"author " + commit.author, b"committer " + commit.committer]
    if commit.headers:
        lines.append(commit.headers)
    return b"\n".join(lines) + b"\n\n" + commit.message


def commit_from_git(
    identity: GitId,
    raw: bytes,
    tree: ObjectId,
    parents: Sequence[ObjectId],
    entries: Sequence[Sequence[bytes]] = (),
) -> Commit:
    """Our commit for one of Git's.

    Args:
        entries: what the tree has that ours cannot hold, relative to the first parent (`sovrgit.gitexchange.oddities`).

    Raises:
        GitDamaged: if it is none.
    """
    parts = read_commit(identity, raw)
    encoding = _header(parts.headers, b"encoding ")
    author, committer = read_stamp(parts.author, encoding), read_stamp(parts.committer, encoding)
    message = _read_message(parts.message, encoding)
    kept: dict[str, Any] = {"id": identity}
    if entries:
        kept["entries"] = [list(entry) for entry in entries]
    if not parts.is_plain:
        kept["raw"] = raw
    else:
        pieces = {
            "author": (parts.author, stamp_line(author)),
            "committer": (parts.committer, stamp_line(committer)),
            "headers": (parts.headers, b""),
            "message": (parts.message, _write_message(message)),
        }
        kept |= {name: theirs for name, (theirs, ours) in pieces.items() if theirs != ours}
    return Commit(
        tree=tree,
        parents=tuple(parents),
        author=author,
        message=message,
        committer=committer if committer != author else None,
        extra={GIT: kept},
    )


def kept_of(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept of Git in a commit or tag; empty if it was made here, or says nothing that makes sense."""
    kept = extra.get(GIT)
    if not isinstance(kept, dict) or type(kept.get("id")) is not bytes or len(kept["id"]) != GIT_ID_SIZE:
        return {}
    texts = ("author", "committer", "headers", "message", "raw")
    return kept if all(type(kept.get(name, b"")) is bytes for name in texts) else {}


def entries_of(extra: Mapping[str, Any]) -> Sequence[Any]:
    """What was kept of a commit's tree; of one that was changed here, too."""
    kept = extra.get(GIT)
    entries = kept.get("entries") if isinstance(kept, dict) else None
    return entries if isinstance(entries, list) else ()


def commit_to_git(commit: Commit, tree: GitId, parents: Sequence[GitId]) -> tuple[GitId, bytes, bool]:
    """Git's commit for one of ours: id, bytes, and whether it is one that came from Git and is given back as it was.

    A commit whose content does not fit the id that it claims was changed since it came, and counts as made here.
    """
    kept = kept_of(commit.extra)
    if kept:
        raw = kept.get("raw")
        if raw is None:
            raw = write_commit(_parts(commit, tree, parents, kept))
        elif not _names(kept["id"], raw, tree, parents):
            raw = b""
        if git_id(GitKind.COMMIT, raw) == kept["id"]:
            return kept["id"], raw, True
    raw = write_commit(_parts(commit, tree, parents, {}))
    return git_id(GitKind.COMMIT, raw), raw, False


def read_tag(identity: GitId, raw: bytes) -> GitTag:
    """What a tag of Git's names.

    Raises:
        GitDamaged: if it names nothing.
    """
    lines = raw.split(b"\n", 2)
    target = _hex_after(b"object ", lines[0])
    label = lines[1][5:] if len(lines) > 1 and lines[1].startswith(b"type ") else b""
    if target is None or label not in KINDS_BY_LABEL or len(raw) > MAX_RAW:
        raise _damaged(identity, "tag", "it names nothing" if len(raw) <= MAX_RAW else "it is too large")
    return GitTag(target, KINDS_BY_LABEL[label])


def tag_from_git(identity: GitId, raw: bytes, target: ObjectId) -> Tag:
    """Our tag for one of Git's.

    Raises:
        GitDamaged: if it is none.
    """
    head, _, message = raw.partition(b"\n\n")
    kind = read_tag(identity, raw).kind
    made = Tag(
        name=decoded(_header(head, b"tag ") or b""),
        target=target,
        kind=OURS[kind],
        tagger=read_stamp(_header(head, b"tagger ") or b""),
        message=_read_message(message, None),
    )
    kept: dict[str, Any] = {"id": identity}
    if _write_tag(made, read_tag(identity, raw).target) != raw:
        kept["raw"] = raw
    return replace(made, extra={GIT: kept})


def tag_to_git(tag: Tag, target: GitId) -> tuple[GitId, bytes]:
    """Git's tag for one of ours: id and bytes."""
    kept = kept_of(tag.extra)
    raw = _write_tag(tag, target)
    kept_raw = kept.get("raw", b"")
    if kept_raw.startswith(b"object " + target.hex().encode() + b"\n") and git_id(GitKind.TAG, kept_raw) == kept["id"]:
        raw = kept_raw
    return git_id(GitKind.TAG, raw), raw


def _write_tag(tag: Tag, target: GitId) -> bytes:
    lines = [
        b"object " + target.hex().encode(),
        b"type " + THEIRS[tag.kind].label,
        b"tag " + tag.name.encode(),
        b"tagger " + stamp_line(tag.tagger),
    ]
    return b"\n".join(lines) + b"\n\n" + _write_message(tag.message)


def _parts(commit: Commit, tree: GitId, parents: Sequence[GitId], kept: Mapping[str, Any]) -> GitCommit:
    message = commit.message
    if commit.run is not None and not kept:
        message = _with_trailer(message, f"{TRAILER}: {commit.run}")
    return GitCommit(
        tree,
        tuple(parents),
        kept.get("author", stamp_line(commit.author)),
        kept.get("committer", stamp_line(commit.committer or commit.author)),
        kept.get("headers", b""),
        kept.get("message", _write_message(message)),
        True,
    )


def _names(identity: GitId, raw: bytes, tree: GitId, parents: Sequence[GitId]) -> bool:
    try:
        parts = read_commit(identity, raw)
    except GitDamaged:
        return False
    return parts.tree == tree and parts.parents == tuple(parents)


def _read_message(raw: bytes, encoding: bytes | None) -> str:
    """Without the line feed at the end, as messages that are written here are kept, if that can be put back."""
    text = decoded(raw, encoding)
    bare = text.removesuffix("\n")
    return bare if bare and not bare.endswith("\n") else text


def _write_message(message: str) -> bytes:
    return (message + "\n" if message and not message.endswith("\n") else message).encode()


def _with_trailer(message: str, trailer: str) -> str:
    """The message with one more trailer, in the last paragraph if that has only such (git-interpret-trailers(1))."""
    text = message.rstrip("\n")
    _, between, last = text.rpartition("\n\n")
    is_block = bool(between) and all(_is_trailer(line) for line in last.split("\n"))
    if not text:
        return trailer + "\n"
    return f"{text}\n{trailer}\n" if is_block else f"{text}\n\n{trailer}\n"


def _is_trailer(line: str) -> bool:
    name, colon, _ = line.partition(": ")
    return bool(colon) and name.replace("-", "").isalnum()


def _header(lines: bytes, name: bytes) -> bytes | None:
    return next((line[len(name) :] for line in lines.split(b"\n") if line.startswith(name)), None)


def _hex_after(prefix: bytes, line: bytes) -> GitId | None:
    if not line.startswith(prefix) or len(line) != len(prefix) + 2 * GIT_ID_SIZE:
        return None
    try:
        found = bytes.fromhex(line[len(prefix) :].decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
    # Only one way to write it is written again.
    return found if found.hex().encode() == line[len(prefix) :] else None


def _damaged(identity: GitId, kind: str, reason: str) -> GitDamaged:
    return GitDamaged(what=f"the {kind} {identity.hex()}", reason=reason)
