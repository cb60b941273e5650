"""Values as YAML or JSON text, for a place inside a document that is there already."""

from __future__ import annotations

import json
import re

from accredit.envoy.lint.edit import Value
from accredit.envoy.lint.place import camel

# Nothing that a YAML reader could take for a number, a boolean or null.
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*|[0-9]+(?:\.[0-9]+)?s")


def flow(value: Value, *, quoted: bool) -> str:
    """Return ``value`` in one line; ``quoted`` as JSON, else as YAML."""
    if quoted:
        return json.dumps(value)
    match value:
        case dict():
            fields = (f"{scalar(k)}: {flow(v, quoted=False)}" for k, v in value.items())
            return "{" + ", ".join(fields) + "}"
        case list():
            return "[" + ", ".join(flow(each, quoted=False) for each in value) + "]"
        case _:
            return scalar(value)


def scalar(value: str | int | bool) -> str:  # noqa: FBT001  a value, no switch
    """Return a scalar or a key of YAML, in quotes if it needs them."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


def block(name: str, value: Value, indent: int) -> str:
    """Return a field of a block mapping; its first line goes where the indent is already."""
    pad = "\n" + " " * (indent + 2)
    if isinstance(value, dict) and value:
        return f"{scalar(name)}:" + "".join(pad + block(k, v, indent + 2) for k, v in value.items())
    if isinstance(value, list) and value:
        items = (pad + "- " + _item(each, indent + 4) for each in value)
        return f"{scalar(name)}:" + "".join(items)
    return f"{scalar(name)}: {flow(value, quoted=False)}"


def _item(value: Value, indent: int) -> str:
    if not isinstance(value, dict) or not value:
        return flow(value, quoted=False)
    return ("\n" + " " * indent).join(block(k, v, indent) for k, v in value.items())


def camelled(value: Value) -> Value:
    """Return ``value`` with its fields' JSON names; names of types stay."""
    match value:
        case dict():
            return {camel(name): camelled(each) for name, each in value.items()}
        case list():
            return [camelled(each) for each in value]
        case _:
            return value
