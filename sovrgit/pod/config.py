"""Settings, in files of Git's form, read and written by dulwich."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import ConfigInvalid
from sovrgit.store.files import reporting, write_atomic

if TYPE_CHECKING:
    from dulwich.config import ConfigFile


class Config:
    """One file of settings. Names are written `section.key` or `section.subsection.key`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: ConfigFile | None = None

    def get(self, name: str) -> str | None:
        """The value of a setting.

        Raises:
            ConfigInvalid: if the file cannot be read.
        """
        section, key = _split(name)
        try:
            return _decoded(self._load().get(section, key))
        except KeyError:
            return None

    def set(self, name: str, value: str | None) -> None:
        """Change a setting; None removes it.

        Raises:
            ConfigInvalid: if the file cannot be read, or the name is not one.
            StorageFull, ReadOnly, StorageFailure: if it cannot be written.
        """
        section, key = _split(name)
        file = self._load()
        if value is not None:
            file.set(section, key, _encoded(value, name))
        elif section in file and key in file[section]:
            del file[section][key]
        self._save(file, name)

    def remove_section(self, name: str) -> bool:
        """Remove a section with all its settings; whether it was there.

        Raises:
            ConfigInvalid: if the file cannot be read.
            StorageFull, ReadOnly, StorageFailure: if it cannot be written.
        """
        section = tuple(_encoded(part, name) for part in name.split(".", 1))
        file = self._load()
        if section not in file:
            return False
        del file[section]
        self._save(file, name)
        return True

    def subsections(self, section: str) -> list[str]:
        """The names of the subsections of a section, as in `[remote "origin"]`."""
        return [
            _decoded(found[1])
            for found in self._load().sections()
            if len(found) == 2 and found[0] == _encoded(section, section)
        ]

    def items(self) -> Iterator[tuple[str, str]]:
        """All settings."""
        file = self._load()
        for section in file.sections():
            for key, value in file.items(section):
                yield _decoded(b".".join((*section, key))), _decoded(value)

    def _load(self) -> ConfigFile:
        if self._file is None:
            from dulwich.config import ConfigFile

            try:
                # No includes: they would be written into this file by the next change, and lead out of the pod.
                self._file = ConfigFile.from_path(str(self.path), expand_includes=False)
            except FileNotFoundError:
                self._file = ConfigFile()
            except (ValueError, OSError) as error:
                raise ConfigInvalid(file=self.path, reason=str(error) or "it cannot be read") from None
        return self._file

    def _save(self, file: ConfigFile, name: str) -> None:
        data = _text(file)
        # Read again if this fails: what is in memory then has the change that was refused.
        self._file = None
        if not _reads_back(data, file):
            raise ConfigInvalid(file=name, reason="a setting with this name or value cannot be written to a file")
        with reporting(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, data, mode=0o600)
        self._file = file


def _text(file: ConfigFile) -> bytes:
    """The file, with every value in quotes: dulwich's own writer leaves out those that `;` needs."""
    lines = []
    for section in file.sections():
        title = section[0]
        if len(section) == 2:
            title += b' "' + section[1].replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        lines.append(b"[" + title + b"]\n")
        for key, value in file.items(section):
            for plain, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\t", b"\\t")):
                value = value.replace(plain, escaped)
            lines.append(b"\t" + key + b' = "' + value + b'"\n')
    return b"".join(lines)


def _reads_back(data: bytes, file: ConfigFile) -> bool:
    from io import BytesIO

    from dulwich.config import ConfigFile

    try:
        written = ConfigFile.from_file(BytesIO(data), expand_includes=False)
    except ValueError:
        return False
    sections = list(file.sections())
    return list(written.sections()) == sections and all(
        list(written.items(section)) == list(file.items(section)) for section in sections
    )


def _split(name: str) -> tuple[tuple[bytes, ...], bytes]:
    section, _, rest = name.partition(".")
    subsection, _, key = rest.rpartition(".")
    if not section or not key:
        raise ConfigInvalid(file=name, reason="a setting is written `section.key`")
    parts = (section, subsection) if subsection else (section,)
    return tuple(_encoded(part, name) for part in parts), _encoded(key, name)


def _encoded(text: str, name: str) -> bytes:
    # Paths in settings need not be UTF-8.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ConfigInvalid(file=name, reason="it has characters that no file can hold") from None


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
