"""The events of a YAML text, with everything that makes it unreadable told by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.reader import Reader

from accredit.identity.errors import ConfigError, Mistake

_MAX_BYTES = 8 * 1024 * 1024


def events(text: str, path: str, too_deep: str) -> Iterator[yaml.Event]:
    """Yield the events of ``text``; ``too_deep`` says what is wrong where nesting has no end.

    Raises:
        ConfigError: the first thing that makes it unreadable.
    """
    if len(text) > _MAX_BYTES:
        raise _refusal(path, None, f"is larger than {_MAX_BYTES} bytes")
    if strange := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise _refusal(path, line, f"holds the control character {strange.group()!r}")
    try:
        yield from _parsed(text)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _syntax(error, path, too_deep) from error


def _parsed(text: str) -> Iterator[yaml.Event]:
    # The same grammar in C, where PyYAML was built with it, is ten times as fast.
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = kind(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _syntax(error: Exception, path: str, too_deep: str) -> ConfigError:
    if not isinstance(error, yaml.MarkedYAMLError):
        return _refusal(path, None, f"is not YAML: {error}")
    mark = error.problem_mark or error.context_mark
    reason = error.problem or error.context or "unreadable"
    if "maximum nesting depth" in reason:  # libyaml reads ahead, and has a bound of its own
        return _refusal(path, 1 if mark is None else mark.line + 1, too_deep)
    if "cannot start any token" in reason:
        reason = "a tab, '@', '`' or '%' cannot stand here; indent with spaces, or quote the text"
    return _refusal(path, None if mark is None else mark.line + 1, f"is not YAML: {reason}")


def _refusal(path: str, line: int | None, reason: str) -> ConfigError:
    return ConfigError([Mistake(path, line, "", reason)])
