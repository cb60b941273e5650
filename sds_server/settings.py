"""What an operator may decide about SDS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Withdrawn(StrEnum):
    """What to do when an identity that an Envoy uses is withdrawn.

    Envoy ignores the removal of a secret, so there are two choices only: ``KEEP`` says nothing and
    lets the certificate run out; ``CUT`` pushes validation contexts without any trust domain, so
    that this Envoy refuses every new peer at once.
    """

    KEEP = "keep"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class SdsSettings:
    """Names and rules of SDS; the defaults are SPIRE's names.

    ``max_names`` bounds the names of one stream, ``max_name_bytes`` each of them,
    ``max_audiences`` the JWT-SVIDs of one connection, ``max_audience_bytes`` each audience, and
    ``first_request_seconds`` how long a stream may stay open before it asks for anything.

    Raises:
        ValueError: the three special names are empty, not distinct, or look like something else.
    """

    default_svid_name: str = "default"
    default_bundle_name: str = "ROOTCA"
    default_all_bundles_name: str = "ALL"
    disable_spiffe_cert_validation: bool = False
    allow_unauthenticated_verifiers: bool = False
    withdrawn: Withdrawn = Withdrawn.KEEP
    max_names: int = 1024
    max_name_bytes: int = 2048
    max_audiences: int = 64
    max_audience_bytes: int = 1024
    first_request_seconds: float = 30.0

    def __post_init__(self) -> None:
        names = (self.default_svid_name, self.default_bundle_name, self.default_all_bundles_name)
        if len(set(names)) < len(names):
            raise ValueError(f"the names {', '.join(map(repr, names))} must differ")
        for name in names:
            if not name or name == "*" or name.startswith(("hint:", "jwt:", "spiffe://")):
                raise ValueError(f"{name!r} cannot name a secret: it is empty or means another one")
