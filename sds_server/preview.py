"""What a caller's Envoy would get under which names, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.choice import choose
from accredit.sds_server.names import BearerToken, Certificate, Meaning, Names, Never, Parked, Roots
from accredit.sds_server.node import Node
from accredit.sds_server.settings import SdsSettings

_HINT = "hint:"


def preview(
    entitlement: Entitlement, snapshot: Snapshot, settings: SdsSettings
) -> Iterator[tuple[str, str]]:
    """Yield each name an Envoy of this caller might ask for, and what it would get.

    Such an Envoy says nothing of itself that chooses among the identities.
    """
    names = Names(snapshot, Node(), settings)
    granted = _granted(entitlement, snapshot, settings)
    for name in _names(entitlement, snapshot, settings):
        yield name, _in_words(names.meaning(name), granted.get(name, name))


def _names(entitlement: Entitlement, snapshot: Snapshot, settings: SdsSettings) -> Iterator[str]:
    yield settings.default_svid_name
    yield from dict.fromkeys(entry.shown_id for entry in entitlement.entries)
    yield from (f"{_HINT}{hint}" for hint in entitlement.hints.values() if hint)
    yield settings.default_bundle_name
    yield settings.default_all_bundles_name
    yield from map(str, (td.id for td in (snapshot.trust_domain, *sorted(entitlement.federated))))


def _granted(entitlement: Entitlement, snapshot: Snapshot, settings: SdsSettings) -> dict[str, str]:
    """Return which ID is meant by a name that is none."""
    hints = {
        f"{_HINT}{entitlement.hints[entry.entry_id]}": entry.shown_id
        for entry in entitlement.entries
    }
    chosen = choose(snapshot, Node())
    default = {} if isinstance(chosen, str) else {settings.default_svid_name: chosen.shown_id}
    return hints | default


def _in_words(meaning: Meaning, granted: str) -> str:
    match meaning:
        case Certificate(identity=identity):
            return f"certificate of {identity.spiffe_id}"
        case Roots(trust_domains, plain):
            shown = ", ".join(map(str, trust_domains))
            return f"validation context of {shown}" + (" as a plain list of CAs" if plain else "")
        case BearerToken(entry, audience):
            return f"JWT-SVID of {entry.shown_id} for {audience}"
        case Parked(certificate=True, granted=True):
            return f"certificate of {granted}, signed when it is asked for"
        case Parked(reason):
            return f"nothing: {reason}"
        case Never(reason):
            return f"never anything: {reason}"
