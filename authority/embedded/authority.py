"""The embedded authority: signs with keys of its own, and replaces them before they end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from cryptography import x509

from accredit.authority.embedded.describe import describe
from accredit.authority.embedded.federated import FederatedFiles
from accredit.authority.embedded.keeping import Ways
from accredit.authority.embedded.rotation import ForcedRotation, SignerRotation
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import bundle_of, certificate, first
from accredit.authority.embedded.signing import Signing
from accredit.authority.embedded.state import Kind, Signer
from accredit.authority.embedded.trusted import trusted
from accredit.authority.embedded.vault import Vault
from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.relationship import Relationship
from accredit.authority.revocation.crls import Root
from accredit.authority.revocation.entries import ValidEntries, without
from accredit.authority.revocation.revocations import Revocations
from accredit.authority.subscribers import Subscribers
from accredit.identity.bundle import TrustBundle
from accredit.identity.clock import Clock
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.keys import PrivateKey, PublicKey
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)


class Entries(Protocol):
    """Where the registration entries come from."""

    @property
    def entries(self) -> EntrySet:
        """All of them, as they are now."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after each change; returns the undo."""
        ...


class EmbeddedAuthority:
    """An authority in this process, its keys and state in a folder; a component too."""

    name = "authority"

    def __init__(  # noqa: PLR0913, PLR0917  all it hangs on
        self,
        vault: Vault,
        settings: EmbeddedSettings,
        clock: Clock,
        entries: Entries,
        federation: FederatedBundles,
        revocations: Revocations,
    ) -> None:
        self._vault = vault
        self._entries = entries
        self.federation = federation
        self.revocations = revocations
        self._valid = ValidEntries()
        self._files = FederatedFiles(settings.federated_bundles)
        self._subscribers = Subscribers()
        self._rotation = SignerRotation(
            vault, settings, clock, self._signers_changed, self._sign_ahead
        )
        self._skew = settings.clock_skew
        self._generation = 0
        self._bundle = self._own_bundle()
        self._bundles = self._all_bundles()
        root = certificate(vault.state.active(Kind.X509))
        self._signing = Signing(self._rotation, revocations, clock, root)
        entries.subscribe(self._subscribers.tell)
        federation.subscribe(self._foreign_changed)
        revocations.changed = self._revoked_changed

    @classmethod
    def open(  # noqa: PLR0913, PLR0917  all it hangs on
        cls,
        data_dir: Path,
        trust_domain: TrustDomain,
        settings: EmbeddedSettings,
        clock: Clock,
        entries: Entries,
        relationships: Sequence[Relationship] = (),
        ways: Ways | None = None,
    ) -> Self:
        """Open the authority in ``data_dir``; make it if there is none.

        Raises:
            StoreError: the folder cannot be used as it is; see :meth:`Vault.open`.
            TpmUnavailableError, TpmError: the same, for the TPM that ``ways`` ask.
        """
        make_first = partial(first, trust_domain, settings, clock)
        vault = Vault.open(data_dir, trust_domain, make_first, ways)
        state = vault.state.with_refresh_hint(settings.refresh_hint, clock.now()).with_longest(
            {Kind.X509: settings.x509_policy().max_ttl, Kind.JWT: settings.jwt_policy().max_ttl}
        )
        if state != vault.state:
            vault.save(state)
        with ExitStack() as stack:
            stack.callback(vault.close)
            federation = FederatedBundles.open(vault.federation_path, relationships, clock)
            stack.callback(federation.close)
            _warn_if_forgotten(vault)
            revocations = Revocations.open(
                vault.revocation_path,
                clock,
                trusted(vault, settings.clock_skew),
                always=settings.always_crl,
            )
            stack.pop_all()
        return cls(vault, settings, clock, entries, federation, revocations)

    def close(self) -> None:
        """Let go of the folder; nothing may be signed afterwards."""
        self.revocations.close()
        self.federation.close()
        self._vault.close()

    @property
    def trust_domain(self) -> TrustDomain:
        """The one trust domain it signs for."""
        return self._vault.state.trust_domain

    @property
    def entries(self) -> EntrySet:
        """The registration entries as they are now, without those that were revoked."""
        revoked = self.revocations
        return self._valid.of(self._entries.entries, revoked.entries.keys(), revoked.barred)

    @property
    def declared(self) -> EntrySet:
        """All registration entries as they are now, the revoked ones as well."""
        return self._entries.entries

    def unrevoked(self, declared: EntrySet) -> EntrySet:
        """Return what these would come to as ``entries``, with what is revoked now."""
        revoked = self.revocations
        if not revoked.entries:
            return declared
        return without(declared, revoked.entries.keys(), revoked.barred)

    def revoked_matches(self, selectors: frozenset[Selector]) -> Sequence[Entry]:
        """Return the entries that these selectors would match if they were not revoked."""
        return [each for each in self.declared.match(selectors) if self.revocations.forbids(each)]

    @property
    def revoked(self) -> Collection[int]:
        """Serials of X.509-SVIDs that were revoked and have not ended."""
        return self.revocations.serials

    @property
    def bundles(self) -> Mapping[TrustDomain, TrustBundle]:
        """The own bundle and the federated ones, as they are now."""
        return self._bundles

    @property
    def signer_generation(self) -> int:
        """Grows when all SVIDs should be signed anew."""
        return self._generation

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after a change of entries, bundles or generation; returns the undo."""
        return self._subscribers.add(changed)

    async def run(self) -> None:
        """Rotate roots and JWT keys, and renew revocation lists, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.revocations.run(), name="authority/revocation lists")
            await self._rotation.run()

    async def rotate(self) -> ForcedRotation:
        """Replace root and JWT key now; see :meth:`SignerRotation.rotate`."""
        return await self._rotation.rotate()

    def reload(self) -> None:
        """Read the files of federated bundles again."""
        if self._files.reload():
            self._foreign_changed()

    def describe(self) -> dict[str, object]:
        """Return signers and next steps as plain data, for people."""
        publish_for = {kind: self._rotation.policy(kind).publish_for for kind in Kind}
        return describe(self._vault.state, self._rotation.next_steps(), publish_for)

    async def sign_x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        """Return the leaf; see :meth:`Signing.x509`."""
        return await self._signing.x509(entry, public_key)

    async def sign_jwt(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        """Return a JWT-SVID; see :meth:`Signing.jwt`."""
        return await self._signing.jwt(entry, audience)

    def _own_bundle(self) -> TrustBundle:
        return replace(bundle_of(self._vault.state), crls=self.revocations.crls)

    def _all_bundles(self) -> Mapping[TrustDomain, TrustBundle]:
        return {
            **self._files.bundles,
            **self.federation.bundles,
            self.trust_domain: self._bundle,
        }

    def _foreign_changed(self) -> None:
        self._bundles = self._all_bundles()
        self._subscribers.tell()

    def _revoked_changed(self) -> None:
        self._bundle = self._own_bundle()
        self._bundles = self._all_bundles()
        self._subscribers.tell()

    async def _sign_ahead(self, root: Signer, key: PrivateKey) -> None:
        await self.revocations.sign_ahead(Root(root.kid, certificate(root), key))

    def _signers_changed(self, renew: bool) -> None:  # noqa: FBT001  a callback
        # A new root must never be in the bundle without its list.
        self.revocations.trust(trusted(self._vault, self._skew))
        self._bundle = self._own_bundle()
        self._bundles = self._all_bundles()
        self._signing.root = certificate(self._vault.state.active(Kind.X509))
        self._generation += renew
        self._subscribers.tell()


def _warn_if_forgotten(vault: Vault) -> None:
    """Say so where an authority that is not new knows nothing of revocations."""
    if not vault.is_new and not os.path.lexists(vault.revocation_path):
        _logger.warning(
            "no account of revocations: what was revoked before is not known; restore the file"
            " from a backup, or revoke anew, unless an older version of accredit made this folder",
            extra={"path": str(vault.revocation_path)},
        )
