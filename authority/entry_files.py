"""Reads all files that hold registration entries, as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from accredit.authority.entry import Entry
from accredit.authority.entry_file import EntryDefaults, EntryReader, duplicates
from accredit.authority.entry_set import EntrySet
from accredit.authority.trusted_text import read_trusted
from accredit.authority.yaml_lines import load
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.spiffe_id import TrustDomain


@dataclass(frozen=True, slots=True)
class EntryFiles:
    """The configuration file's ``entries:``, then each ``*.yaml`` of a folder, by name.

    Either may be None. A folder that does not exist holds no entries.
    """

    trust_domain: TrustDomain
    defaults: EntryDefaults
    config: Path | None = None
    folder: Path | None = None

    def read(self) -> EntrySet:
        """Return all entries, in order.

        Raises:
            ConfigError: every mistake in every file.
        """
        entries: list[Entry] = []
        mistakes: list[Mistake] = []
        for path in self.paths():
            try:
                entries += self._read(path)
            except ConfigError as error:
                mistakes += error.mistakes
        mistakes += duplicates(entries)
        if mistakes:
            raise ConfigError(mistakes)
        return EntrySet(replace(entry, order=place) for place, entry in enumerate(entries))

    def paths(self) -> Iterator[Path]:
        """Yield each file, in order.

        Raises:
            ConfigError: the folder cannot be listed.
        """
        if self.config is not None:
            yield self.config
        if self.folder is None:
            return
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            reason = f"cannot be listed: {error.strerror}"
            raise ConfigError([Mistake(str(self.folder), None, "", reason)]) from error
        yield from (self.folder / name for name in names if is_entry_file(name))

    def _read(self, path: Path) -> tuple[Entry, ...]:
        data, lines = load(read_trusted(path), str(path))
        reader = EntryReader(str(path), lines, self.trust_domain, self.defaults)
        if path != self.config:
            reader.refuse_other_keys(data)
        entries = reader.read(data)
        if reader.mistakes:
            # Those without one may still have duplicates, in this file or another: later.
            raise ConfigError(reader.mistakes)
        return entries


def is_entry_file(name: str) -> bool:
    """Tell whether a file of that name is read; hidden ones and editors' copies are not."""
    return name.endswith((".yaml", ".yml")) and not name.startswith(".")
