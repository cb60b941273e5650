"""What of Envoy's words may be kept."""

from __future__ import annotations

import re

_MAX_READ = 4096
_MAX_KEPT = 400
# Some of Envoy's errors quote the secret they are about, private key and all, as protobuf text.
# Whatever follows one of these is the quotation.
_QUOTATION = re.compile(
    r"goo\.gle/debug|-----\s*BEGIN|LS0tLS1|inline_(?:bytes|string)|private_key|(?:value|typeUrl|type_url)\"?\s*:"
    r"|\\[0-7]{3}|\\x[0-9a-fA-F]{2}"
)
# Base64 that some wrapper cut loose from its PEM header, and tokens.
_OPAQUE = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*|[A-Za-z0-9+/=]{40,}")
_REMOVED = "[removed]"


def sanitise(text: str) -> str:
    """Return ``text`` cut to 400 characters of one line, without anything that may be a key."""
    kept, quotation, _ = _split(text[:_MAX_READ])
    kept = _OPAQUE.sub(_REMOVED, kept)
    kept = "".join(c if c.isprintable() else " " for c in kept).strip()
    if len(kept) > _MAX_KEPT:
        kept, quotation = kept[:_MAX_KEPT], True
    return f"{kept} {_REMOVED}" if quotation else kept


def _split(text: str) -> tuple[str, bool, str]:
    found = _QUOTATION.search(text)
    if found is None:
        return text, False, ""
    return text[: found.start()], True, text[found.start() :]
