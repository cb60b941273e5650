"""What ``accredit bundle list`` prints for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accredit.agent import table

_HEADINGS = (
    *("TRUST DOMAIN", "BUNDLE FROM", "SEQUENCE", "KEYS", "SINCE", "LAST FETCHED", "NEXT FETCH"),
    "ERROR",
)


def relationships_text(relationships: Sequence[Mapping[str, Any]]) -> str:
    """Return one line for each trust domain we federate with."""
    return table.render(_HEADINGS, [_row(each) for each in relationships])


def _row(view: Mapping[str, Any]) -> tuple[str, ...]:
    bundle = view["bundle"]
    if bundle is None:
        held = ("nowhere yet", "", "", "")
    else:
        keys = bundle["x509_authorities"] + bundle["jwt_authorities"]
        sequence = "" if bundle["sequence"] is None else str(bundle["sequence"])
        held = (bundle["origin"], sequence, str(keys or "none: distrusted"), bundle["since"])
    times = (view["succeeded"] or "never", view["next_try"] or "")
    return (view["trust_domain"], *held, *times, view["error"])
