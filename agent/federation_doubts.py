"""What is allowed in the configuration of federation and still probably not meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accredit.agent.plan import Plan
from accredit.authority.entry_set import EntrySet
from accredit.authority.federation.bundle_file import parse_bundle_file
from accredit.authority.federation.relationship import Relationship
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import BundleError, ConfigError
from accredit.identity.spiffe_id import TrustDomain


def of_federation(plan: Plan, entries: EntrySet) -> Iterator[str]:
    """Yield one line for each doubt about relationships, and about entries that name some."""
    relationships = plan.federation.relationships
    files = plan.embedded.federated_bundles
    known = {plan.trust_domain, *files, *(each.trust_domain for each in relationships)}
    for entry in entries:
        for name in sorted(set(entry.federates_with) - known):
            yield (
                f"{entry.source}: federates_with: the bundle of {name} comes from nowhere; give it"
                " a relationship in federation, or a file in authority.embedded.federated_bundles"
            )
    for name, path in files.items():
        yield from _unread(name, path, "its file in authority.embedded.federated_bundles")
    for relationship in relationships:
        yield from _beginning(relationship)


def _beginning(relationship: Relationship) -> Iterator[str]:
    """Tell of a first fetch that could not be verified; one that was made before does not count."""
    name, path = relationship.trust_domain, relationship.bootstrap_bundle
    if path is not None:
        yield from _unread(name, path, "bootstrap_bundle")
    elif relationship.verified_by == name:
        yield (
            f"federation with {name}: without bootstrap_bundle nothing is fetched until somebody"
            f" runs: accredit bundle set {name} FILE"
        )


def _unread(name: TrustDomain, path: Path, what: str) -> Iterator[str]:
    try:
        parse_bundle_file(name, read_trusted(path).encode())
    except (BundleError, ConfigError) as error:
        yield f"federation with {name}: {what} counts for nothing: {error}"
