"""How long a new key is published before it signs, so that partners know it by then. Pure."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

_FETCHES = 2
# Partners spread their fetches by a tenth each way, and a cache may hold a copy for a tenth.
_MARGIN = 0.2


def least_publication(refresh_hint: timedelta) -> timedelta:
    """Return the least time in which a partner that keeps to the hint can miss one fetch.

    SPIFFE Federation 4.1 wants three to five refresh hints; below this some partner refuses us.
    """
    return timedelta(seconds=ceil(refresh_hint.total_seconds() * (_FETCHES + _MARGIN)))
