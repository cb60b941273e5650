"""What the attestors found out about one caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accredit.identity.selector import Selector


@dataclass(frozen=True, slots=True)
class Evidence:
    """Selectors, and which attestors failed: name to reason, without secrets."""

    selectors: frozenset[Selector]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def partial(self) -> bool:
        """Whether an attestor failed, so that selectors may be missing."""
        return bool(self.failures)
