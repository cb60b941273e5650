"""What administrators see of entries and bundles, as plain data. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.agent.entry_trust import strongest, weakest
from accredit.authority.entry_template import Declared
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.durations import format_duration
from accredit.rotation.status import RotationStatus


def entry_view(entry: Declared, *, revoked: bool = False) -> dict[str, Any]:
    """Return one registration entry, in the words of the entries file."""
    return {
        "entry_id": entry.entry_id,
        "id": entry.shown_id,
        "selectors": sorted(map(str, entry.selectors)),
        "ttl": format_duration(entry.x509_ttl),
        "jwt_ttl": format_duration(entry.jwt_ttl),
        "federates_with": list(map(str, entry.federates_with)),
        "hint": entry.hint,
        "default": entry.default,
        "dns_names": list(entry.dns_names),
        "trust": {"weakest": weakest(entry).value, "strongest": strongest(entry).value},
        "source": entry.source,
        "revoked": revoked,
    }


def instances_by_template(status: RotationStatus) -> Mapping[str, list[str]]:
    """Return the SPIFFE IDs of all instances whose SVIDs are held, by their template's entry id."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for each in status.entries:
        if each.template_id:
            found[each.template_id].append(each.spiffe_id)
    return found


def is_named(name: str, entry: Declared, instances: Collection[str]) -> bool:
    """Tell whether ``name`` is an entry's id, SPIFFE ID or path, or an instance's ID or path."""
    if name in {entry.entry_id, entry.shown_id, entry.path} or name in instances:
        return True
    trust_domain = entry.shown_id.removesuffix(entry.path)
    return name.startswith("/") and f"{trust_domain}{name}" in instances


def bundle_text(bundle: TrustBundle, form: str) -> str:
    """Return a bundle as a SPIFFE bundle document (``spiffe``) or as its X.509 roots (``pem``)."""
    if form == "spiffe":
        return encode_bundle(bundle).decode()
    return b"".join(root.public_bytes(Encoding.PEM) for root in bundle.x509_authorities).decode()
