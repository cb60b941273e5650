"""Which plug-ins the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """One plug-in, by the name of its entry point, and what it is told; that may be secret."""

    name: str
    options: Mapping[str, Any] = field(repr=False)
