from __future__ import annotations

from accredit.envoy.way import Security, Way


def test_plaintext_is_counted_by_itself() -> None:
    assert Way("inbound_0", Security.PLAINTEXT).stats == "inbound_0_plaintext"
    assert Way("inbound_0", Security.MTLS).stats == "inbound_0"
