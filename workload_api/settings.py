"""What an operator may choose about the Workload API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkloadApiSettings:
    """Switches and bounds of the Workload API.

    ``allow_unauthenticated_verifiers`` serves the own trust domain's bundles, and validates tokens
    against them, for callers without an identity. ``allowed_foreign_jwt_claims`` are returned for
    tokens of other trust domains beside ``sub``, ``aud`` and ``exp``.
    """

    x509_profile: bool = True
    jwt_profile: bool = True
    allow_unauthenticated_verifiers: bool = False
    allowed_foreign_jwt_claims: frozenset[str] = frozenset()
    max_audiences: int = 32
    max_audience_bytes: int = 1024
