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

_MOST_UNKNOWN = 100
_MOST_SECTIONS = 1000  # Envoy can hold 4096 secrets of ours


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
        """Report every key that is none of ``names``, and every one without a value.

        Without one, 'jwt:' would silently demand nothing.
        """
        unknown = [key for key in self.data if key not in names]
        for key in unknown[:_MOST_UNKNOWN]:
            close = get_close_matches(key[:_MOST_UNKNOWN], names, n=1)
            cure = f"did you mean {close[0]!r}?" if close else f"expected {', '.join(names)}"
            self.wrong(key, f"unknown key; {cure}")
        if len(unknown) > _MOST_UNKNOWN:
            self._report(self._key, f"has {len(unknown)} unknown keys")
        for name in names:
            if name in self.data and not self.has(name):
                self.wrong(name, "is empty; give it a value, or remove the key")

    def has(self, name: str) -> bool:
        """Tell whether the field is given, and not empty."""
        return self.data.get(name) not in (None, [])

    def missing(self, name: str, expected: str) -> None:
        """Report that the field is not there, if it is not."""
        if name not in self.data:
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
            item = self.text_of(value, parse, name, *place)
            if item is not None and item in found:
                self.wrong(name, f"{value!r} is listed twice", *place)
            elif item is not None:
                found[item] = None
        return tuple(found)

    def items(self, name: str) -> Iterator[tuple[Key, Plain]]:
        """Yield place and value of each item of a list; one value alone is a list of one.

        The place is what follows the field's own key: nothing, for a value alone.
        """
        value = self.data.get(name)
        if isinstance(value, list):
            yield from (((place,), item) for place, item in enumerate(value))
        elif value is not None:
            yield (), value

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
        value = self.data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        if value is not None:
            quoted = ", without quotes" if isinstance(value, str) else ""
            self.wrong(name, f"expected a whole number from {least} to {most}{quoted}")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.data.get(name)
        if isinstance(value, bool):
            return value
        if value is not None:
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
                found.append(self.part(value, name, *place))
            else:
                self.wrong(name, "expected keys and values", *place)
        if len(found) > _MOST_SECTIONS:
            self.wrong(name, f"has more than {_MOST_SECTIONS} items")
        return found[:_MOST_SECTIONS]

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
