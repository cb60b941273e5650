"""Takes key material and tokens out of text before anybody can read it. Pure."""

from __future__ import annotations

import re

_MASK = "[redacted]"

# Also one that was cut short, or whose newlines JSON or repr has escaped.
_PEM = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
# The body of one without its frame: base64 of PKCS #8 (EC, RSA), SEC 1 and PKCS #1.
_BASE64 = (
    r"M(?:I[GH].AgEAM|I[GH].AgEBB|HcCAQEE|II[A-Za-z0-9+/]{3}IBA(?:DAN|AKC))"
    r"(?:[A-Za-z0-9+/=\r\n]|\\[rn])+"
)
# A JWT, with or without its signature; it begins where a word does, or after an escaped newline.
_WORD = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
_JWT = _WORD + r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
_JWK = r'"d"\s*:\s*"[A-Za-z0-9_-]{20,}"'

_SECRETS = re.compile(f"{_PEM}|{_BASE64}|{_JWT}|{_JWK}", re.DOTALL)


def redact(text: str) -> str:
    """Return ``text`` with private keys in PEM, base64 or JWK form and JWTs masked."""
    return _SECRETS.sub(_MASK, text)
