"""The items of a list in JSON, one after the other. Pure.

As one value, a list of 60 MB would take 400 MB of memory, and hold up everybody for seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def items(data: bytes) -> Iterator[object]:
    """Yield what is in the array ``items`` of a JSON object; everything else is passed over.

    Raises:
        ValueError: it is no such object; perhaps only after some items.
    """
    try:
        yield from _Text(data.decode()).items()
    except RecursionError:
        raise ValueError("JSON is nested too deep") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None


class _Text:
    """JSON, and how far it was read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def items(self) -> Iterator[object]:
        if self._peek() != "{":
            self._value()
            raise ValueError("not a list of pods")
        found = False
        for _ in self._members("{", "}"):
            key = self._value()
            self._take(":")
            if key == "items" and self._peek() == "[":
                found = True
                yield from (self._value() for _ in self._members("[", "]"))
            else:
                # Go writes null for no items.
                found = (self._value() is None and key == "items") or found
        if not found:
            raise ValueError("not a list of pods")
        if self._peek():
            raise json.JSONDecodeError("Extra data", self._text, self._at)

    def _members(self, begin: str, end: str) -> Iterator[None]:
        """Yield at each member of an object or array, for the caller to read it."""
        self._take(begin)
        if self._peek() == end:
            self._take(end)
            return
        while True:
            yield
            if self._peek() == end:
                self._take(end)
                return
            self._take(",")

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            raise json.JSONDecodeError(f"Expecting {expected!r}", self._text, self._at)
        self._at += 1

    def _value(self) -> object:
        self._peek()
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value
