"""A Git repository on disk: where its parts are, and its refs."""

from __future__ import annotations

import os
from pathlib import Path

from dulwich.config import ConfigFile
from dulwich.errors import PackedRefsException
from dulwich.file import FileLocked
from dulwich.objects import ObjectID
from dulwich.refs import DiskRefsContainer, Ref, SymrefLoop

from sovrgit.errors import GitDamaged, GitUnusable, Locked
from sovrgit.gitexchange.ids import GIT_ID_SIZE, GitId
from sovrgit.gitexchange.objects import GitObjects
from sovrgit.store.files import reporting

_MAX_FILE = 64 << 10
"""Bytes of the small files that say where another one is."""

_MAX_CONFIG = 1 << 20

_DEFAULT_HEAD = b"refs/heads/main"
_KNOWN_EXTENSIONS = {"noop", "worktreeconfig", "preciousobjects", "partialclone", "objectformat", "refstorage"}


class GitRepository:
    """A repository, opened. Its configuration is read for the form it is stored in, and for nothing else.

    Args:
        path: its folder, the folder of its working tree, or a file `.git` that says where it is.

    Raises:
        GitUnusable: if it is none, or one of a form that is not understood.
        GitDamaged: if a pack cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.folder, self.common = _locate(path)
        self.is_bare = _check_form(path, self.common)
        self.objects = GitObjects(self.common / "objects")
        self._refs = DiskRefsContainer(self.common, self.folder)

    @classmethod
    def create(cls, path: Path, head: str) -> GitRepository:
        """A new one without a working tree.

        Raises:
            GitUnusable: if the folder is not empty.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        with reporting(path):
            if path.exists() and (not path.is_dir() or any(os.scandir(path))):
                raise GitUnusable(
                    path=path, reason="it is neither a repository nor an empty folder", hint="choose another folder"
                )
            for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
                (path / name).mkdir(parents=True, exist_ok=True)
            (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n")
            (path / "HEAD").write_bytes(b"ref: " + head.encode() + b"\n")
        return cls(path)

    def close(self) -> None:
        """Let go of all files."""
        self.objects.close()

    def __enter__(self) -> GitRepository:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refs(self) -> dict[bytes, GitId]:
        """Branches and tags with what they name, by full name. Those that name nothing are left out.

        Raises:
            GitDamaged: if they cannot be read.
        """
        found = {}
        try:
            for name in sorted(self._refs.allkeys()):
                if not name.startswith((b"refs/heads/", b"refs/tags/", b"refs/notes/")):
                    continue
                value = self._value(name)
                if value is not None:
                    found[bytes(name)] = value
        except (PackedRefsException, ValueError, OSError, StopIteration) as error:
            raise GitDamaged(what="the file of refs", reason=str(error) or type(error).__name__) from None
        return found

    def head(self) -> bytes:
        """The branch that is checked out, or would be."""
        try:
            chain, _ = self._refs.follow(Ref(b"HEAD"))
        except (KeyError, ValueError, OSError, SymrefLoop):
            return _DEFAULT_HEAD
        return bytes(chain[-1]) if len(chain) > 1 else b"HEAD"

    def ref(self, name: bytes) -> GitId | None:
        """What a ref names."""
        return self._value(Ref(name))

    def move(self, name: bytes, old: GitId | None, new: GitId) -> bool:
        """Move a ref, if it still is where it was; whether it has been.

        Raises:
            Locked: if another program is moving it.
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """

        with reporting(self.common):
            value = ObjectID(new.hex().encode())
            try:
                if old is None:
                    return self._refs.add_if_new(Ref(name), value)
                return self._refs.set_if_equals(Ref(name), ObjectID(old.hex().encode()), value)
            except FileLocked as error:
                lock = os.fsdecode(error.lockfilename)
                hint = f"wait for it to finish; if no program is at work there, remove `{lock}`"
                raise Locked(path=os.fsdecode(error.filename), holder="of Git", hint=hint) from None

    def _value(self, name: Ref) -> GitId | None:
        try:
            value = bytes(self._refs[name])
        except (KeyError, SymrefLoop):
            return None
        try:
            identity = bytes.fromhex(value.decode())
        except ValueError:
            identity = b""
        if len(identity) != GIT_ID_SIZE:
            raise GitDamaged(what=f"the ref `{name.decode('utf-8', 'backslashreplace')}`", reason="it names no object")
        return identity


def _locate(path: Path) -> tuple[Path, Path]:
    """The folder of a repository, and the one that it shares with the other working trees of it."""
    folder = path / ".git" if (path / ".git").exists() else path
    if folder.is_file():
        told = _read_small(path, folder)
        if not told.startswith("gitdir: "):
            raise GitUnusable(path=path, reason="there is no repository")
        folder = folder.parent / told[8:].strip()
    if not (folder / "HEAD").is_file():
        raise GitUnusable(path=path, reason="there is no repository")
    common = folder
    if (folder / "commondir").is_file():
        common = folder / _read_small(path, folder / "commondir").strip()
    if not (common / "objects").is_dir():
        raise GitUnusable(path=path, reason="there is no repository")
    return folder, common


def _read_small(path: Path, file: Path) -> str:
    with reporting(file), file.open("rb") as opened:
        try:
            return opened.read(_MAX_FILE).decode()
        except UnicodeDecodeError:
            raise GitUnusable(path=path, reason=f"its file `{file.name}` is not text") from None


def _check_form(path: Path, folder: Path) -> bool:
    """Refuse repositories of another form than the usual; whether it has no working tree."""
    file = folder / "config"
    if not file.is_file():
        return folder.name != ".git"
    try:
        if file.stat().st_size > _MAX_CONFIG:
            raise ValueError("it is too large")
        with file.open("rb") as opened:
            config = ConfigFile.from_file(opened)
        version = int(_text(config, "core", "repositoryformatversion") or "0")
    except (ValueError, OSError) as error:
        raise GitUnusable(path=path, reason=f"its configuration cannot be read: {error}") from None
    if version not in (0, 1):
        raise GitUnusable(path=path, reason=f"its format has the version {version}")
    extensions = {bytes(name).decode("utf-8", "replace").lower() for name in _section(config, "extensions")}
    if _text(config, "extensions", "objectformat").lower() not in ("", "sha1"):
        raise GitUnusable(path=path, reason="its ids are not SHA-1", hint="dulwich and most of Git's hosts have SHA-1")
    if _text(config, "extensions", "refstorage").lower() not in ("", "files"):
        raise GitUnusable(
            path=path, reason="its refs are not files", hint="`git refs migrate --ref-format=files` there changes that"
        )
    unknown = sorted(extensions - _KNOWN_EXTENSIONS) if version else []
    if unknown:
        raise GitUnusable(path=path, reason=f"it needs `{unknown[0]}`")
    bare = _text(config, "core", "bare").lower()
    return bare in ("true", "yes", "on", "1") if bare else folder.name != ".git"


def _section(config: ConfigFile, name: str) -> list[bytes]:
    try:
        return list(config[(name.encode(),)])
    except KeyError:
        return []


def _text(config: ConfigFile, section: str, name: str) -> str:
    try:
        return config.get((section.encode(),), name.encode()).decode("utf-8", "replace")
    except KeyError:
        return ""
