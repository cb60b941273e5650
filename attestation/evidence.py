"""What the attestors found out about one caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accredit.identity.selector import Selector


@dataclass(frozen=True, slots=True)
class Evidence:
    """Selectors, and which attestors failed: name to reason, without secrets.

    ``retry`` says whether asking again may complete it: a daemon that is down comes back, a
    missing privilege does not.
    """

    selectors: frozenset[Selector]
    failures: Mapping[str, str] = field(default_factory=dict)
    retry: bool = False

    @property
    def partial(self) -> bool:
        """Whether an attestor failed, so that selectors may be missing."""
        return bool(self.failures)


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Return all that ``parts`` know."""
    return Evidence(
        frozenset[Selector]().union(*(part.selectors for part in parts)),
        {name: reason for part in parts for name, reason in part.failures.items()},
        any(part.retry for part in parts),
    )
