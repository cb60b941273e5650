"""The bundles of all relationships as they are now, on disk and for everybody who verifies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from accredit.authority.federation.bootstrap import Bootstraps
from accredit.authority.federation.freshness import Held, Origin, warnings_about
from accredit.authority.federation.progress import Progress
from accredit.authority.federation.relationship import Relationship
from accredit.authority.federation.store import BundleStore
from accredit.authority.subscribers import Subscribers
from accredit.identity.bundle import TrustBundle, encode_bundle, parse_bundle
from accredit.identity.clock import Clock
from accredit.identity.errors import NotFoundError, ResponseError, StoreError
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)


class FederatedBundles:
    """Holds one bundle for each relationship, if it has come by one.

    A bundle ends with its relationship: one that comes back later begins with its bootstrap bundle,
    since nobody knows what was missed meanwhile.
    """

    def __init__(
        self, store: BundleStore, relationships: Sequence[Relationship], clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._subscribers = Subscribers()
        self._relationships: Mapping[TrustDomain, Relationship] = {}
        self._bootstraps = Bootstraps()
        self._held = dict(store.load())
        self._progress = dict(store.load_progress())
        self.bundles: Mapping[TrustDomain, TrustBundle] = {}
        self.replace(relationships)

    @classmethod
    def open(cls, path: Path, relationships: Sequence[Relationship], clock: Clock) -> Self:
        """Open the store at ``path``, made if it is missing.

        Raises:
            StoreError: it cannot be used as it is.
        """
        store = BundleStore(path)
        try:
            return cls(store, relationships, clock)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after each change of ``bundles``; returns the undo."""
        return self._subscribers.add(changed)

    def held(self, trust_domain: TrustDomain) -> Held | None:
        """Return the bundle of a relationship and where it came from, if it has one."""
        return self._held.get(trust_domain)

    def progress(self, trust_domain: TrustDomain) -> Progress:
        """Return how the fetches of a relationship went when it was last noted."""
        return self._progress.get(trust_domain, Progress())

    def note(self, trust_domain: TrustDomain, progress: Progress) -> None:
        """Keep how the fetches of a relationship go, so that a restart still knows."""
        if trust_domain not in self._relationships:
            return
        self._progress[trust_domain] = progress
        try:
            self._store.put_progress(trust_domain, progress)
        except StoreError as error:
            _logger.warning(
                "how the fetch went is not saved; a restart will not know",
                extra={"trust_domain": str(trust_domain), "error": str(error)},
            )

    def replace(self, relationships: Sequence[Relationship]) -> None:
        """Make these the relationships; the bundles of those that are gone go at once."""
        self._relationships = {each.trust_domain: each for each in relationships}
        known = self._held.keys() | self._progress.keys()
        for trust_domain in known - self._relationships.keys():
            self._drop(trust_domain)
        for trust_domain in self._relationships.keys() - self._held.keys():
            self._begin(trust_domain)
        self._publish()

    def accept(self, relationship: Relationship, document: bytes) -> Sequence[str]:
        """Make a fetched document the bundle of its relationship; returns what is odd about it.

        It is filed under the configured name, whatever is in it (Federation 5.2.1.4).

        Raises:
            BundleError: it is no bundle document.
            ResponseError: it is older than the bundle held, or the relationship has ended.
        """
        trust_domain = relationship.trust_domain
        if self._relationships.get(trust_domain) != relationship:
            raise ResponseError(f"the relationship with {trust_domain} has ended")
        parsed = parse_bundle(trust_domain, document)
        before = self._held.get(trust_domain)
        warnings = [*parsed.warnings, *warnings_about(before, parsed.bundle)]
        new = Held(parsed.bundle, Origin.ENDPOINT, self._clock.now())
        if before is None or (before.bundle, before.origin) != (new.bundle, new.origin):
            self._keep(trust_domain, new)
        return warnings

    def overwrite(self, bundle: TrustBundle) -> None:
        """Make an operator's bundle that of its relationship, until the next fetch succeeds.

        Raises:
            NotFoundError: there is no such relationship.
            X509SvidError: one of its authorities has a key that no bundle document can hold.
        """
        self._require(bundle.trust_domain)
        encode_bundle(bundle)
        facts = {"trust_domain": str(bundle.trust_domain), "sequence": bundle.sequence}
        _logger.info("federated bundle set by an operator", extra=facts)
        self._keep(bundle.trust_domain, Held(bundle, Origin.OPERATOR, self._clock.now()))

    def forget(self, trust_domain: TrustDomain) -> None:
        """Drop the bundle of a relationship, which begins with its bootstrap bundle again.

        Raises:
            NotFoundError: there is no such relationship.
        """
        self._require(trust_domain)
        facts = {"trust_domain": str(trust_domain)}
        _logger.info("federated bundle deleted by an operator", extra=facts)
        self._drop(trust_domain)
        self._begin(trust_domain)
        self._publish()

    def look_again(self) -> Sequence[TrustDomain]:
        """Read the bootstrap bundles that still count; return whose have changed."""
        changed = [each for each in self._relationships if self._begin(each)]
        self._publish()
        return changed

    def _require(self, trust_domain: TrustDomain) -> None:
        if trust_domain not in self._relationships:
            raise NotFoundError(f"there is no relationship with {trust_domain}")

    def _begin(self, trust_domain: TrustDomain) -> bool:
        """Hold the bootstrap bundle while there is no better one; tell whether it is new."""
        held = self._held.get(trust_domain)
        if held is not None and held.origin is not Origin.BOOTSTRAP:
            return False
        bundle = self._bootstraps.read(self._relationships[trust_domain])
        if bundle is None or (held is not None and held.bundle == bundle):
            return False
        # Not stored: as long as nothing else was ever held, the file may still be mended.
        self._held[trust_domain] = Held(bundle, Origin.BOOTSTRAP, self._clock.now())
        return True

    def _keep(self, trust_domain: TrustDomain, held: Held) -> None:
        self._held[trust_domain] = held
        self._publish()
        try:
            self._store.put(trust_domain, held)
        except StoreError as error:
            # A key that was withdrawn must not be trusted on because our disk is full.
            _log_unsaved(trust_domain, error)

    def _drop(self, trust_domain: TrustDomain) -> None:
        self._held.pop(trust_domain, None)
        self._progress.pop(trust_domain, None)
        try:
            self._store.drop(trust_domain)
        except StoreError as error:
            _log_unsaved(trust_domain, error)

    def _publish(self) -> None:
        """Tell everybody in this very turn, if anything has changed."""
        new = {name: self._held[name].bundle for name in sorted(self._held)}
        if new != self.bundles:
            self.bundles = new
            self._subscribers.tell()


def _log_unsaved(trust_domain: TrustDomain, error: StoreError) -> None:
    _logger.error(
        "federated bundle not saved; it holds until the next restart",
        extra={"trust_domain": str(trust_domain), "error": str(error)},
    )
