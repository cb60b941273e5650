"""The metadata every request to the Workload API carries, Workload Endpoint section 3."""

from __future__ import annotations

from collections.abc import Mapping

from accredit.identity.errors import RequestError

SECURITY_HEADER = "workload.spiffe.io"
SECURITY_VALUE = "true"


def require_security_header(metadata: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a request that a server-side request forgery could have made.

    Raises:
        RequestError: the header is absent, sent twice, or anything but exactly ``true``.
    """
    if metadata.get(SECURITY_HEADER, ()) != (SECURITY_VALUE,):
        raise RequestError(
            f"metadata {SECURITY_HEADER!r} must be sent once, as {SECURITY_VALUE!r}"
            " (Workload Endpoint 3)"
        )
