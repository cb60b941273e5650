"""SVIDs and bundles as files for ``accredit api fetch --write``; the secret ones for us alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from accredit.workload_api.contexts import HintedToken, JwtBundles, X509Bundles, X509Context

_SECRET, _PUBLIC = 0o600, 0o644
_SECRET_SUFFIXES = frozenset({".key", ".token"})


def context_files(context: X509Context) -> dict[str, bytes]:
    """Return file names and contents: chain and key of each SVID, and each bundle."""
    files = {}
    for place, each in enumerate(context.svids):
        files[f"svid.{place}.pem"] = each.svid.chain_pem
        files[f"svid.{place}.key"] = each.svid.key_pem
    return files | x509_bundle_files(context.bundles)


def x509_bundle_files(bundles: X509Bundles) -> dict[str, bytes]:
    """Return one PEM file for each trust domain, and one of its revocation lists if it has any.

    Trust domains are never to be pooled.
    """
    found = bundles.bundles.items()
    roots = {f"bundle.{td}.pem": bundle.x509_pem for td, bundle in found}
    return roots | {f"crl.{td}.pem": bundle.crl_pem for td, bundle in found if bundle.crls}


def jwt_bundle_files(bundles: JwtBundles) -> dict[str, bytes]:
    """Return one JWK Set for each trust domain."""
    return {f"bundle.{td}.jwks": bundle.jwks for td, bundle in bundles.bundles.items()}


def token_files(tokens: Sequence[HintedToken]) -> dict[str, bytes]:
    """Return one file for each token."""
    return {f"jwt.{place}.token": each.token.encode() for place, each in enumerate(tokens)}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` into ``folder``, made if missing; a reader sees old or new, never half.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        mode = _SECRET if Path(name).suffix in _SECRET_SUFFIXES else _PUBLIC
        _replace(folder / name, content, mode)


def _replace(path: Path, content: bytes, mode: int) -> None:
    # Made with mode 0600, so a key is never readable by others, not even for a moment.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".accredit-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
