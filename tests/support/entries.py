"""Registration entries in one line."""

from __future__ import annotations

from datetime import timedelta

from accredit.authority.entry import Entry
from accredit.authority.entry_template import EntryTemplate
from accredit.authority.id_template import IdTemplate
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain


def entry(
    path: str,
    *selectors: str,
    trust_domain: str = "prod.example",
    ttl: timedelta = timedelta(hours=1),
    jwt_ttl: timedelta = timedelta(minutes=5),
    federates_with: tuple[str, ...] = (),
    hint: str = "",
    default: bool = False,
    dns_names: tuple[str, ...] = (),
    order: int = 0,
) -> Entry:
    """Return the entry that gives ``spiffe://prod.example{path}`` to callers with ``selectors``."""
    required = selectors or ("unix:uid:1000",)
    return Entry(
        entry_id=f"{path}|{'|'.join(sorted(required))}",
        spiffe_id=SpiffeId(TrustDomain(trust_domain), path),
        selectors=frozenset(Selector.parse(text) for text in required),
        x509_ttl=ttl,
        jwt_ttl=jwt_ttl,
        federates_with=tuple(TrustDomain(name) for name in federates_with),
        hint=hint,
        default=default,
        dns_names=dns_names,
        order=order,
    )


def template(
    path: str,
    *selectors: str,
    ttl: timedelta = timedelta(hours=1),
    jwt_ttl: timedelta = timedelta(minutes=5),
    hint: str = "",
    default: bool = False,
    order: int = 0,
) -> EntryTemplate:
    """Return the template ``spiffe://prod.example{path}`` for callers with ``selectors``."""
    return EntryTemplate(
        entry_id=f"{path}|{'|'.join(sorted(selectors))}",
        id=IdTemplate.parse(TrustDomain("prod.example"), path),
        selectors=frozenset(Selector.parse(text) for text in selectors),
        x509_ttl=ttl,
        jwt_ttl=jwt_ttl,
        hint=hint,
        default=default,
        order=order,
    )


def selectors(*texts: str) -> frozenset[Selector]:
    """Return a caller's selectors."""
    return frozenset(map(Selector.parse, texts))
