"""accredit: SPIFFE identities for Envoy sidecars and for programs that read files."""

from __future__ import annotations

__version__ = "0.1.0"
