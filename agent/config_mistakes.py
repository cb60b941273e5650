"""What pydantic found wrong, said the way the rest of the agent speaks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from accredit.agent.config_types import section_in
from accredit.identity.errors import Mistake
from accredit.identity.yaml_lines import Lines, show

_EXPECTED = {
    "missing": "is missing",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "string_type": "expected text",
    "list_type": "expected a list",
    "model_type": "expected keys and values",
    "string_too_short": "expected text that is not empty",
    "string_too_long": "expected at most {max_length} characters",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
}


def mistakes(
    error: ValidationError, model: type[BaseModel], path: str, lines: Lines
) -> list[Mistake]:
    """Return one mistake for each thing wrong, in the order of the file."""
    found = [_mistake(details, model, path, lines) for details in error.errors(include_url=False)]
    return sorted(found, key=lambda mistake: mistake.line or 0)


def _mistake(details: ErrorDetails, model: type[BaseModel], path: str, lines: Lines) -> Mistake:
    where = details["loc"]
    # A key that is not there has no line; its section has one.
    known = where[:-1] if details["type"] == "missing" else where
    line = lines.line(known) if known else 1
    return Mistake(path, line, show(where), _reason(details, model))


def _reason(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind = details["type"]
    context = details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(details["loc"], model)
    if kind == "value_error":
        return str(context["error"])
    return _EXPECTED[kind].format(**context) if kind in _EXPECTED else details["msg"].lower()


def _unknown_key(where: Sequence[Any], model: type[BaseModel]) -> str:
    *sections, key = where
    for name in sections:
        # A number is a place in a list, whose sections are all alike.
        if isinstance(name, str):
            model = section_in(_fields(model)[name].annotation) or model
    names = sorted(_fields(model))
    close = get_close_matches(str(key), names, n=1)
    if close:
        return f"unknown key; did you mean {close[0]!r}?"
    return "unknown key; expected one of " + ", ".join(names)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
