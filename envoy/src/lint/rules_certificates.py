"""Certificates and keys that stand in the file itself."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import TLS_13, domains

_INLINE = ("inline_string", "inline_bytes")
_OCSP = ("LENIENT_STAPLING", "STRICT_STAPLING", "MUST_STAPLE")


def _inline(source: Place) -> Place | None:
    return next((source.get(name) for name in _INLINE if source.get(name)), None)


def _loaded(source: Place) -> list[x509.Certificate]:
    """Return the certificates of an inline DataSource; none where they cannot be read."""
    place = _inline(source)
    try:
        if place is None:
            return []
        encoded = place.path[-1] != "inline_string" and place.path[-1] != "inlineString"
        text = b64decode(place.text) if encoded else place.text.encode()
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        return []


def _key_inline(bootstrap: Bootstrap) -> Iterator[Found]:
    for certificate in bootstrap.certificates:
        if (place := _inline(certificate.get("private_key"))) is not None:
            yield Found(place, "a private key stands in this file, for all who can read it")


def _not_rotated(bootstrap: Bootstrap) -> Iterator[Found]:
    for certificate in bootstrap.certificates:
        chain = certificate.get("certificate_chain")
        if chain.get("filename") and bootstrap.has_identity:
            yield Found(chain, "read once, at start: an SVID that is renewed here is never served")


def _weak_type(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    is_521 = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size == 521
    return "EC P-521" if is_521 else ""


def _leaves(bootstrap: Bootstrap) -> Iterator[tuple[Place, x509.Certificate]]:
    for certificate in bootstrap.certificates:
        chain = certificate.get("certificate_chain")
        if leaf := next(iter(_loaded(chain)), None):
            yield chain, leaf


def _key_type(bootstrap: Bootstrap) -> Iterator[Found]:
    said = {
        certificate.path
        for tls in bootstrap.contexts
        for certificate in tls.common.get("tls_certificates").items()
        if tls.common.get("tls_params", "signature_algorithms")
    }
    for chain, leaf in _leaves(bootstrap):
        if (kind := _weak_type(leaf)) and chain.path[:-1] not in said:
            yield Found(chain, f"peers refuse the signature of an {kind} key")


def _old_tls_type(bootstrap: Bootstrap) -> Iterator[Found]:
    old = [c.tls for c in bootstrap.chains if c.tls.version("minimum", "TLSv1_2") < TLS_13]
    listed = (each for tls in old for each in tls.common.get("tls_certificates").items())
    paths = {certificate.path for certificate in listed}
    for chain, leaf in _leaves(bootstrap):
        key = leaf.public_key()
        is_384 = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size == 384
        if is_384 and chain.path[:-1] in paths:
            yield Found(chain, "clients that end at TLS 1.2 fail with this EC P-384 key")


def _key_usage(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain, leaf in _leaves(bootstrap):
        try:
            leaf.extensions.get_extension_for_class(x509.KeyUsage)
        except (x509.ExtensionNotFound, ValueError):
            yield Found(chain, "the SPIFFE validator of every peer refuses this certificate")


def _anchor(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        for domain in domains(context):
            found = _loaded(domain.bundle)
            if found and not any(each.issuer == each.subject for each in found):
                yield Found(domain.bundle, "no certificate here is self-signed: nobody verifies")


def _ocsp(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        stapled = (
            each.get("ocsp_staple") for each in chain.tls.common.get("tls_certificates").items()
        )
        said = chain.tls.place.get("ocsp_staple_policy")
        if any(stapled) and said.enum(*_OCSP) in {"", _OCSP[0]}:
            what = "an OCSP answer that has ended is stapled all the same"
            yield Found(said, what, Set(said, "STRICT_STAPLING"))


RULES = (
    warning(
        "key-inline",
        "a private key in the bootstrap is as public as the bootstrap, and never renewed",
        "take the certificate from SDS",
        _key_inline,
    ),
    warning(
        "certificate-not-rotated",
        "a certificate file named in the bootstrap is read once, and served past its end",
        "take the certificate from SDS, which can be a file by path_config_source",
        _not_rotated,
    ),
    error(
        "key-type",
        "P-521 and Ed25519 keys load and fail in every handshake",
        "use EC P-256, or list their algorithms in tls_params.signature_algorithms of both sides",
        _key_type,
    ),
    warning(
        "key-type-tls12",
        "a listener's EC P-384 key fails with clients that end at TLS 1.2, Envoy's default",
        "use EC P-256, or set tls_minimum_protocol_version: TLSv1_3",
        _old_tls_type,
    ),
    error(
        "key-usage-missing",
        "the SPIFFE validator refuses a leaf without keyUsage, and does not say why",
        "issue it with keyUsage digitalSignature",
        _key_usage,
    ),
    error(
        "anchor-not-root",
        "the SPIFFE validator knows no partial chains: an intermediate alone verifies nobody",
        "put the self-signed root into trust_bundle",
        _anchor,
    ),
    warning(
        "ocsp-lenient",
        "the default policy staples OCSP answers that have ended",
        "set ocsp_staple_policy: STRICT_STAPLING",
        _ocsp,
    ),
)
