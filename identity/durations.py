"""Durations as people write them: ``20s``, ``5m``, ``1h``, ``30d``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta

_MAX_SECONDS = 36500 * 86400
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")


def parse_duration(text: str) -> timedelta:
    """Return the duration; whole seconds, more than zero and at most a hundred years.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    match = _FORM.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text[:100]!r} is not a duration; expected one such as 20s, 5m, 1h, 30d")
    parts = zip(match.groups(), _SECONDS.values(), strict=True)
    seconds = sum(int(count) * unit for count, unit in parts if count)
    if not 0 < seconds <= _MAX_SECONDS:
        raise ValueError(f"{text!r} is out of range; expected more than 0s and at most 36500d")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Return the shortest text that parses back, of whole seconds."""
    seconds, text = duration // timedelta(seconds=1), ""
    for unit, size in _SECONDS.items():
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
