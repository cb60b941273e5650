"""Checks before anything is sent. Envoy acknowledges much that it cannot use.

It takes an expired leaf, a validation context that admits everyone, and a broken certificate whose
counterpart has not come yet; and a secret it does refuse spoils the next good one. So nothing
leaves here that would not work.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import JwtSvidError, X509SvidError
from accredit.identity.jws import parse
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.strict_json import loads_object
from accredit.identity.x509_roots import usable_roots
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import verify_x509_svid

_MIN_RSA_BITS = 2048
_RULE = "SDS"


def check_certificate(svid: X509Svid, bundle: TrustBundle, now: datetime) -> None:
    """Refuse what a peer with ``bundle``, or Envoy itself, would refuse.

    Raises:
        X509SvidError: the chain does not lead to a root of ``bundle``, is not valid now, is out of
            order, names another ID, or has a key that does not fit or that Envoy cannot use.
    """
    # The type promises order and a key that fits; it is built again so that a mistake there, or a
    # field changed since, shows here and not in Envoy.
    X509Svid(svid.spiffe_id, svid.chain, svid.key)
    _check_key(svid)
    anchors = TrustBundle(bundle.trust_domain, usable_roots(bundle))
    verify_x509_svid(svid.chain, {bundle.trust_domain: anchors}, now)


def check_token(svid: JwtSvid, audience: str, now: datetime) -> None:
    """Refuse a token that says anything but what it is meant to say.

    Its signature is not looked at: the key that made it may be newer than the bundle at hand.

    Raises:
        JwtSvidError: it is no signed token, has ended, or names another subject, audience or end.
    """
    try:
        claims = loads_object(parse(svid.token).payload)
    except ValueError:
        raise JwtSvidError(_RULE, "its claims cannot be read") from None
    if claims.get("sub") != str(svid.spiffe_id) or claims.get("aud") not in (audience, [audience]):
        raise JwtSvidError(_RULE, "it names another subject or another audience")
    if claims.get("exp") != svid.expires_at.timestamp() or now >= svid.expires_at:
        raise JwtSvidError(_RULE, "it has ended, or says another end")


def _check_key(svid: X509Svid) -> None:
    key = svid.leaf.public_key()
    match key:
        case rsa.RSAPublicKey() if key.key_size >= _MIN_RSA_BITS:
            return
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            return
        case _:
            raise X509SvidError(_RULE, "Envoy takes P-256, P-384 and RSA of 2048 bits or more only")
