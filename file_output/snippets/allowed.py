"""Whom a program is to let in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_PATH = re.compile(r"/[A-Za-z0-9._@+/-]*")


@dataclass(frozen=True, slots=True)
class Allowed:
    """SPIFFE IDs, and with ``below`` all IDs under a path; all of one trust domain.

    One, since a program verifies all clients of a port by one file of authorities: with several
    trust domains in it, each could speak for the others. Another domain gets a port, or a server
    name, with its own bundle and its own list.

    Raises:
        ValueError: there is nobody, or more than one trust domain.
    """

    exact: tuple[SpiffeId, ...] = ()
    below: tuple[SpiffeId, ...] = ()

    def __post_init__(self) -> None:
        domains = {str(each.trust_domain) for each in (*self.exact, *self.below)}
        if not domains:
            raise ValueError("nobody is allowed; name at least one SPIFFE ID")
        if len(domains) > 1:
            raise ValueError(
                f"{' and '.join(sorted(domains))} cannot share a port: whoever signs for one could"
                " speak for the other; give each a port or server name of its own"
            )

    @property
    def trust_domain(self) -> TrustDomain:
        """The trust domain of them all, whose bundle verifies them."""
        return (*self.exact, *self.below)[0].trust_domain


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text for the program's configuration, by where it goes, and files that it loads."""

    lines: dict[str, str]
    files: dict[str, str]


def checked_path(path: str) -> str:
    """Return the path, if it means no more than itself in any configuration file.

    Raises:
        ValueError: it does, or it is not absolute.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path[:200]!r} is not an absolute path of letters, digits and . _ @ + -")
    return path
