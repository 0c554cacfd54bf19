"""Settings, in files of Git's form, read and written by dulwich."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import ConfigInvalid
from sovrgit.store.files import write_atomic

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
            return self._load().get(section, key).decode("utf-8", "replace")
        except KeyError:
            return None

    def set(self, name: str, value: str | None) -> None:
        """Change a setting; None removes it.

        Raises:
            ConfigInvalid: if the file cannot be read, or the name is not one.
            StorageFull, ReadOnly, StorageFailure: if it cannot be written.
        """
        from io import BytesIO

        section, key = _split(name)
        file = self._load()
        if value is None:
            if section in file and key in file[section]:
                del file[section][key]
        else:
            file.set(section, key, value.encode())
        buffer = BytesIO()
        file.write_to_file(buffer)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, buffer.getvalue(), mode=0o600)

    def remove_section(self, name: str) -> bool:
        """Remove a section with all its settings; whether it was there."""
        from io import BytesIO

        section = tuple(part.encode() for part in name.split(".", 1))
        file = self._load()
        if section not in file:
            return False
        del file[section]
        buffer = BytesIO()
        file.write_to_file(buffer)
        write_atomic(self.path, buffer.getvalue(), mode=0o600)
        return True

    def subsections(self, section: str) -> list[str]:
        """The names of the subsections of a section, as in `[remote "origin"]`."""
        return [
            found[1].decode("utf-8", "replace")
            for found in self._load().sections()
            if len(found) == 2 and found[0] == section.encode()
        ]

    def items(self) -> Iterator[tuple[str, str]]:
        """All settings."""
        file = self._load()
        for section in file.sections():
            for key, value in file.items(section):
                name = b".".join((*section, key)).decode("utf-8", "replace")
                yield name, value.decode("utf-8", "replace")

    def _load(self) -> ConfigFile:
        if self._file is None:
            from dulwich.config import ConfigFile

            try:
                self._file = ConfigFile.from_path(str(self.path))
            except FileNotFoundError:
                self._file = ConfigFile()
            except (ValueError, OSError) as error:
                raise ConfigInvalid(file=self.path, reason=str(error) or "it cannot be read") from None
        return self._file


def _split(name: str) -> tuple[tuple[bytes, ...], bytes]:
    section, _, rest = name.partition(".")
    subsection, _, key = rest.rpartition(".")
    if not section or not key:
        raise ConfigInvalid(file=name, reason="a setting is written `section.key`")
    parts = (section, subsection) if subsection else (section,)
    return tuple(part.encode() for part in parts), key.encode()
