"""With whom we federate, and what an operator may choose about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_MEBIBYTE = 1 << 20


class Profile(StrEnum):
    """How a bundle endpoint is authenticated, SPIFFE Federation section 5.2."""

    WEB = "https_web"
    SPIFFE = "https_spiffe"


@dataclass(frozen=True, slots=True)
class Relationship:
    """Where the bundle of one trust domain comes from. Nothing in it follows from the rest.

    ``endpoint_spiffe_id`` is who serves under ``https_spiffe``, maybe of a third trust domain;
    ``ca_file`` are the roots for ``https_web``, None for those of the system.

    Raises:
        ValueError: a part is missing, or of the other profile.
    """

    trust_domain: TrustDomain
    url: EndpointUrl
    profile: Profile
    endpoint_spiffe_id: SpiffeId | None = None
    bootstrap_bundle: Path | None = None
    ca_file: Path | None = None
    follow_redirects: bool = True

    def __post_init__(self) -> None:
        if self.profile is Profile.WEB and self.endpoint_spiffe_id is not None:
            raise ValueError("endpoint_spiffe_id is for profile https_spiffe; leave it out")
        if self.profile is Profile.SPIFFE and self.ca_file is not None:
            raise ValueError("ca_file is for profile https_web; leave it out")
        if self.profile is Profile.SPIFFE and self.endpoint_spiffe_id is None:
            raise ValueError("profile https_spiffe needs endpoint_spiffe_id: who serves the bundle")
        if self.endpoint_spiffe_id is not None and not self.endpoint_spiffe_id.path:
            raise ValueError("endpoint_spiffe_id has no path; no server's SVID is like that")

    @property
    def verified_by(self) -> TrustDomain | None:
        """The trust domain whose bundle verifies the endpoint; None with ``https_web``."""
        return None if self.endpoint_spiffe_id is None else self.endpoint_spiffe_id.trust_domain


@dataclass(frozen=True, slots=True)
class FederationSettings:
    """All relationships, and the bounds of polling and fetching.

    ``refresh`` holds without a hint of the other side, which counts only between ``refresh_min``
    and ``refresh_max``. One fetch, redirects included, takes ``timeout`` at most, and no step of
    it without progress longer than ``stall_timeout``.

    Raises:
        ValueError: the bounds contradict each other.
    """

    relationships: tuple[Relationship, ...] = ()
    refresh: timedelta = timedelta(minutes=5)
    refresh_min: timedelta = timedelta(seconds=30)
    refresh_max: timedelta = timedelta(days=1)
    timeout: timedelta = timedelta(seconds=30)
    stall_timeout: timedelta = timedelta(seconds=10)
    max_bytes: int = _MEBIBYTE

    def __post_init__(self) -> None:
        if not self.refresh_min <= self.refresh <= self.refresh_max:
            raise ValueError("refresh must lie between refresh_min and refresh_max")


def contradictions(
    relationships: Iterable[Relationship],
    own: TrustDomain,
    from_files: Collection[TrustDomain],
) -> list[str]:
    """Say what is wrong with relationships together; nothing if they fit.

    ``from_files`` are trust domains whose bundles are read from files instead.
    """
    found = tuple(relationships)
    names = Counter(each.trust_domain for each in found)
    reachable = {own, *from_files, *names}
    wrong = [f"{name} has {count} relationships" for name, count in names.items() if count > 1]
    wrong += [f"{name} has a relationship and a file" for name in names if name in from_files]
    if own in names:
        wrong.append(f"{own} is our own trust domain; nobody federates with itself")
    return wrong + [
        f"the endpoint of {each.trust_domain} is {each.endpoint_spiffe_id}, and the bundle of"
        f" {each.verified_by} comes from nowhere; give {each.verified_by} a relationship too"
        for each in found
        if each.verified_by and each.verified_by not in reachable
    ]
