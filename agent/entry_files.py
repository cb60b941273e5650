"""Every file that holds registration entries, read as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from accredit.agent.config_file import read_config_text
from accredit.agent.plan import Plan
from accredit.authority.entry import Entry
from accredit.authority.entry_file import EntryReader, duplicates, parse_entries
from accredit.authority.yaml_lines import load
from accredit.identity.errors import ConfigError, Mistake

_MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class EntryFiles:
    """The configuration file, and then the files of ``entries_dir`` by name.

    Of the configuration only ``entries`` is looked at: all else was checked when it was read.
    """

    plan: Plan

    def texts(self) -> dict[Path, str]:
        """Return the content of each file.

        Raises:
            ConfigError: one cannot be read, or others could have written it.
        """
        return {path: read_config_text(path) for path in (self.plan.config, *self._more())}

    def parse(self, texts: Mapping[Path, str]) -> tuple[Entry, ...]:
        """Return the entries of all files in their order.

        Raises:
            ConfigError: with every mistake in any of them.
        """
        entries: list[Entry] = []
        wrong: list[Mistake] = []
        for path, text in texts.items():
            try:
                entries += self._entries(path, text)
            except ConfigError as error:
                wrong += error.mistakes
        if wrong := wrong or duplicates(entries):
            raise ConfigError(wrong)
        return tuple(replace(entry, order=order) for order, entry in enumerate(entries))

    def folders(self) -> Iterator[Path]:
        """Yield every folder in which a change may concern us, also behind a link."""
        config, more = self.plan.config, self.plan.entries_dir
        folders = {config.parent, config.resolve().parent}
        if more is not None:
            folders |= {more, more.resolve()}
        yield from sorted(folders)

    def names(self) -> set[str]:
        """Return by which names the configuration file is known."""
        return {self.plan.config.name, self.plan.config.resolve().name}

    def _entries(self, path: Path, text: str) -> tuple[Entry, ...]:
        plan = self.plan
        if path != plan.config:
            return parse_entries(text, str(path), plan.trust_domain, plan.entry_defaults)
        data, lines = load(text, str(path))
        reader = EntryReader(str(path), lines, plan.trust_domain, plan.entry_defaults)
        entries = reader.read(data)
        if reader.mistakes:
            raise ConfigError(reader.mistakes)
        return entries

    def _more(self) -> list[Path]:
        folder = self.plan.entries_dir
        if folder is None:
            return []
        try:
            found = sorted(path for path in folder.iterdir() if _is_ours(path))
        except OSError as error:
            raise _unreadable(folder, (error.strerror or str(error)).lower()) from None
        if len(found) > _MAX_FILES:
            raise _unreadable(folder, f"holds more than {_MAX_FILES} files")
        return found


def _is_ours(path: Path) -> bool:
    return path.suffix == ".yaml" and not path.name.startswith(".")


def _unreadable(folder: Path, reason: str) -> ConfigError:
    return ConfigError([Mistake(str(folder), None, "", f"cannot be read: {reason}")])
