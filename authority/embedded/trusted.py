"""What the revocation lists hang on: the trusted roots, their keys, and the longest SVID. Pure."""

from __future__ import annotations

from datetime import timedelta

from accredit.authority.embedded.signers import certificate
from accredit.authority.embedded.state import Kind
from accredit.authority.embedded.vault import Vault
from accredit.authority.revocation.crls import CrlPolicy, Root, Trusted


def trusted(vault: Vault, skew: timedelta) -> Trusted:
    """Return it as the vault has it now."""
    signers = vault.state.of(Kind.X509)
    roots = tuple(Root(each.kid, certificate(each), vault.keys.get(each.kid)) for each in signers)
    return Trusted(roots, CrlPolicy(max(each.longest for each in signers), skew))
