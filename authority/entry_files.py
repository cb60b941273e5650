"""Reads all files that hold registration entries, as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from accredit.authority.entry_file import EntryDefaults, EntryReader, duplicates
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.yaml_lines import load

Known: TypeAlias = dict[Path, tuple[str, tuple[Declared, ...]]]
"""What files held when they were last good."""


@dataclass(frozen=True, slots=True)
class EntryFiles:
    """The configuration file's ``entries:``, then each ``*.yaml`` of a folder, by name.

    Either may be None. A folder that does not exist holds no entries.
    """

    trust_domain: TrustDomain
    defaults: EntryDefaults
    config: Path | None = None
    folder: Path | None = None

    def read(self, known: Known | None = None) -> EntrySet:
        """Return all entries, in order; ``known`` saves parsing again what has not changed.

        Raises:
            ConfigError: every mistake in every file.
        """
        known = {} if known is None else known
        paths = tuple(self.paths())
        for path in known.keys() - paths:
            del known[path]
        return _joined(partial(self._read, path, known) for path in paths)

    def parse(self, documents: Iterable[tuple[Path, str]]) -> EntrySet:
        """Return the entries there would be if these were the files, in this order.

        Raises:
            ConfigError: every mistake in every one.
        """
        return _joined(partial(self._parse, text, path) for path, text in documents)

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

    def _read(self, path: Path, known: Known) -> tuple[Declared, ...]:
        text = read_trusted(path)
        # The text itself: two writes within one tick of the kernel's clock have the same times.
        if path not in known or known[path][0] != text:
            known[path] = text, self._parse(text, path)
        return known[path][1]

    def _parse(self, text: str, path: Path) -> tuple[Declared, ...]:
        data, lines = load(text, str(path))
        reader = EntryReader(str(path), lines, self.trust_domain, self.defaults)
        if path != self.config:
            reader.refuse_other_keys(data)
        entries = reader.read(data)
        if reader.mistakes:
            # Those without one may still have duplicates, in this file or another: later.
            raise ConfigError(reader.mistakes)
        return entries


def _joined(files: Iterable[Callable[[], tuple[Declared, ...]]]) -> EntrySet:
    entries: list[Declared] = []
    mistakes: list[Mistake] = []
    for read in files:
        try:
            entries += read()
        except ConfigError as error:
            mistakes += error.mistakes
    mistakes += duplicates(entries)
    if mistakes:
        raise ConfigError(mistakes)
    return EntrySet(
        entry if entry.order == place else replace(entry, order=place)
        for place, entry in enumerate(entries)
    )


def is_entry_file(name: str) -> bool:
    """Tell whether a file of that name is read; hidden ones and editors' copies are not."""
    return name.endswith((".yaml", ".yml")) and not name.startswith(".")
