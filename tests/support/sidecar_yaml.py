"""YAML as a person writes it, and the line that each part of it came to stand in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Key = tuple[str | int, ...]
_PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


def written(data: dict[str, Any]) -> tuple[str, dict[Key, int]]:
    """Return ``data`` as text, one key or item a line, and the line of each."""
    lines: dict[Key, int] = {}
    text = []
    for number, (key, line) in enumerate(_mapping(data, (), ""), 1):
        lines.setdefault(key, number)
        text.append(line)
    return "\n".join(text) + "\n", lines


def _mapping(data: dict[str, Any], key: Key, indent: str) -> Iterator[tuple[Key, str]]:
    for name, value in data.items():
        yield from _value(value, (*key, name), indent, f"{indent}{_scalar(name)}:")


def _value(value: Any, key: Key, indent: str, head: str) -> Iterator[tuple[Key, str]]:
    if isinstance(value, dict) and value:
        yield key, head
        yield from _mapping(value, key, indent + "  ")
    elif isinstance(value, list) and value:
        yield key, head
        for place, item in enumerate(value):
            yield from _item(item, (*key, place), indent + "  ")
    else:
        yield key, f"{head} {_scalar(value)}"


def _item(value: Any, key: Key, indent: str) -> Iterator[tuple[Key, str]]:
    if not isinstance(value, dict) or not value:
        yield key, f"{indent}- {_scalar(value)}"
        return
    first, *rest = _mapping(value, key, indent + "  ")
    yield key, f"{indent}- {first[1].lstrip()}"
    yield from rest


def _scalar(value: Any) -> str:
    """Return JSON, which is nearly YAML, or the bare word where that means the same."""
    bare = isinstance(value, str) and value.replace("_", "").isalpha() and value.isascii()
    words = {"true", "false", "null"}
    return str(value) if bare and value not in words else _PAIR.sub(_whole, json.dumps(value))


def _whole(pair: re.Match[str]) -> str:
    """Return one escape for what JSON escapes in two halves, which YAML does not know."""
    return f"\\U{ord(json.loads(chr(34) + pair.group() + chr(34))):08x}"


def line_of(lines: dict[Key, int], shown: str) -> int:
    """Return the line of the part shown as ``inbound[0].listen``, or of what it stands in."""
    by_name = {name(key): line for key, line in lines.items()}
    while shown not in by_name:
        shown = shown[: max(shown.rfind("."), shown.rfind("["), 0)]
        if not shown:
            return 1
    return by_name[shown]


def name(key: Key) -> str:
    """Return a key as it is shown, with what a terminal would act on made harmless."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_safe(step)}" for step in key)
    return text.removeprefix(".")


def _safe(step: str) -> str:
    return step if step.isprintable() else repr(step)
