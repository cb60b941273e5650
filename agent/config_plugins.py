"""Attestors of other packages in the configuration: names, and options we know nothing of."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from accredit.agent.config_types import Unit
from accredit.attestation.trust import BUILT_IN

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)


def _plugins(value: object) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError("expected names and options, such as rack: {file: /etc/rack}")  # noqa: TRY004  pydantic wants ValueError
    return {_name(name): _options(name, options) for name, options in value.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = str(name)[:64]
        raise ValueError(f"{shown!r} is no name of a plug-in: lower-case letters, digits, _ and -")
    if name in BUILT_IN:
        raise ValueError(f"{name} is an attestor of accredit's own, and so no plug-in")
    return name


def _options(name: str, options: object) -> dict[str, Any]:
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise ValueError(f"{name}: expected keys and values, or {{}} for none")
    return options


Plugins = Annotated[
    dict[str, dict[str, Any]], BeforeValidator(_plugins), Field(repr=False), Unit("names, options")
]
