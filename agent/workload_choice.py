"""Which of a workload's identities an output means. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from accredit.agent.output_plan import Wanted
from accredit.identity.errors import NotEntitledError
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid
from accredit.workload_api.contexts import HintedSvid, HintedToken

_T = TypeVar("_T")
_MAX_NAMED = 10


def choose_svid(wanted: Wanted, svids: Sequence[HintedSvid]) -> X509Svid:
    """Return the first X.509-SVID that is meant.

    Raises:
        NotEntitledError: it is not among them; the message lists those that are.
    """
    return _first(wanted, [(each.svid.spiffe_id, each.hint, each.svid) for each in svids])


def choose_token(wanted: Wanted, tokens: Sequence[HintedToken]) -> HintedToken:
    """Return the first JWT-SVID that is meant; raises what ``choose_svid`` does."""
    return _first(wanted, [(each.spiffe_id, each.hint, each) for each in tokens])


def _first(wanted: Wanted, found: Sequence[tuple[SpiffeId, str, _T]]) -> _T:
    # The default identity comes first (Workload API 8), and is of the own trust domain.
    for spiffe_id, hint, value in found:
        if wanted.matches(spiffe_id, hint, found[0][0].trust_domain):
            return value
    names = [
        f"{spiffe_id} (hint {hint!r})" if hint else str(spiffe_id) for spiffe_id, hint, _ in found
    ]
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    there = ", ".join(names[:_MAX_NAMED]) + more
    raise NotEntitledError(f"no identity of this process is {wanted}; there are: {there}")
