from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed
from accredit.file_output.snippets.haproxy import haproxy
from accredit.identity.spiffe_id import SpiffeId


def test_exact_ids_are_compared_whole_and_others_by_their_path() -> None:
    allowed = Allowed(
        (SpiffeId.parse("spiffe://a.example/web"),), (SpiffeId.parse("spiffe://a.example/ns"),)
    )
    lines = haproxy(allowed, "/ca.crt").lines
    assert "lua.spiffe_id -m str spiffe://a.example/web\n" in lines["http"]
    assert "lua.spiffe_id -m beg spiffe://a.example/ns/\n" in lines["tcp"]
    assert "ca-file /ca.crt verify required" in lines["bind"]
