"""Where material comes from."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from accredit.file_output.material import Material


class Source(Protocol):
    """One identity, kept fresh by somebody."""

    def watch(self) -> AsyncGenerator[Material, None]:
        """Yield the material, and again whenever it is another; the newest, never a queue."""
        ...
