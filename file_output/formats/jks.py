"""JKS, the keystore of Java before version 9; later ones read PKCS #12 just as well."""

from __future__ import annotations

import importlib
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.file_output.formats.content import Content
from accredit.file_output.formats.keystore import KEY_ALIAS, aliases, identity
from accredit.file_output.formats.pem import authorities
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import UnimplementedError
from accredit.identity.x509_svid import X509Svid


def keystore(svid: X509Svid, password: str) -> Content:
    """Return chain and key, both under ``password``: a secret.

    Raises:
        UnimplementedError: the library is not installed.
    """
    jks = _library()
    chain = [each.public_bytes(Encoding.DER) for each in svid.chain]
    entry = jks.PrivateKeyEntry.new(KEY_ALIAS, chain, svid.key_der)
    return _content(jks, [entry], svid.chain_der + svid.key_der, password)


def truststore(of: TrustBundle, password: str) -> Content:
    """Return the authorities of one trust domain.

    Raises:
        BundleError: there is none.
        UnimplementedError: the library is not installed.
    """
    jks = _library()
    found = [each.public_bytes(Encoding.DER) for each in authorities(of)]
    named = zip(aliases(of.trust_domain, authorities(of)), found, strict=True)
    entries = [jks.TrustedCertEntry.new(alias, each) for alias, each in named]
    return _content(jks, entries, b"".join(found), password)


def _content(jks: Any, entries: list[Any], meaning: bytes, password: str) -> Content:
    data: bytes = jks.KeyStore.new("jks", entries).saves(password)
    return Content(data, identity(meaning, password), salted=True)


def _library() -> Any:
    # An extra that few need and that takes a quarter of a second to import.
    try:
        return importlib.import_module("jks")
    except ImportError:
        raise UnimplementedError(
            "JKS needs a library: pip install 'accredit[jks]'; Java from version 9 reads pkcs12"
        ) from None
