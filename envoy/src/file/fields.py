"""Fields of one section: from plain data to values, reporting what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from enum import Enum
from typing import TypeVar

from accredit.identity.durations import parse_duration
from accredit.identity.yaml_lines import Key, Plain

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Report = Callable[[Key, str], None]


class Fields:
    """One mapping at ``key`` of the document; ``report(key, reason)`` hears of every mistake.

    A field with a mistake reads as its default, so that the next one can be looked at.
    """

    def __init__(self, data: Mapping[str, Plain], key: Key, report: Report) -> None:
        self.data = data
        self._key = key
        self._report = report

    def wrong(self, name: str, reason: str, *more: str | int) -> None:
        """Report what is wrong with the field ``name``, or with a part of it."""
        self._report((*self._key, name, *more), reason)

    def only(self, *names: str) -> None:
        """Report every key that is none of ``names``."""
        for key in self.data:
            if key not in names:
                close = get_close_matches(key, names, n=1)
                cure = f"did you mean {close[0]!r}?" if close else f"expected {', '.join(names)}"
                self.wrong(key, f"unknown key; {cure}")

    def has(self, name: str) -> bool:
        """Tell whether the field is given at all."""
        return self.data.get(name) is not None

    def missing(self, name: str, expected: str) -> None:
        """Report that the field is not there."""
        self._report(self._key, f"{name!r} is missing; expected {expected}")

    def part(self, data: Mapping[str, Plain], *more: str | int) -> Fields:
        """Return the fields of a mapping that stands at ``more`` below this one."""
        return Fields(data, (*self._key, *more), self._report)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return the text of a field as ``parse`` reads it, None if it is absent or wrong."""
        value = self.data.get(name)
        return None if value is None else self.text_of(value, parse, name)

    def parsed_list(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Return each good item of a list of text, or of one text alone; none twice."""
        found: dict[T, None] = {}
        for place, value in self.items(name):
            item = self.text_of(value, parse, name, place)
            if item is not None and item in found:
                self.wrong(name, f"{value!r} is listed twice", place)
            elif item is not None:
                found[item] = None
        return tuple(found)

    def items(self, name: str) -> Iterator[tuple[int, Plain]]:
        """Yield place and value of each item of a list; one value alone is a list of one."""
        value = self.data.get(name)
        if value is None:
            return
        yield from enumerate(value if isinstance(value, list) else [value])

    def duration(self, name: str, default: timedelta) -> timedelta:
        """Return a duration such as ``20s``."""
        found = self.parsed(name, parse_duration)
        return default if found is None else found

    def choice(self, name: str, default: E) -> E:
        """Return the member of ``default``'s enumeration that has this value."""
        known = {str(each.value): each for each in type(default)}
        value = self.data.get(name)
        if value is None:
            return default
        if str(value) in known:
            return known[str(value)]
        self.wrong(name, f"expected one of {', '.join(known)}")
        return default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds."""
        value = self.data.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(name, f"expected a whole number from {least} to {most}")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.data.get(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, "expected true or false")
        return default

    def section(self, name: str) -> Fields | None:
        """Return the fields of a mapping, None if it is absent or wrong."""
        value = self.data.get(name)
        if isinstance(value, dict):
            return self.part(value, name)
        if value is not None:
            self.wrong(name, "expected keys and values")
        return None

    def sections(self, name: str) -> Sequence[Fields]:
        """Return the fields of each mapping in a list."""
        found = []
        for place, value in self.items(name):
            if isinstance(value, dict):
                found.append(self.part(value, name, place))
            else:
                self.wrong(name, "expected keys and values", place)
        return found

    def text_of(
        self, value: Plain, parse: Callable[[str], T], name: str, *more: str | int
    ) -> T | None:
        """Return ``value`` of a field or of an item as ``parse`` reads it, None if it is wrong."""
        if not isinstance(value, str):
            self.wrong(name, "expected text; quote it if it looks like a number", *more)
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.wrong(name, str(error), *more)
            return None
