from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed
from accredit.file_output.snippets.apache import apache
from accredit.identity.spiffe_id import SpiffeId


def test_patterns_are_arguments_of_one_requirement() -> None:
    allowed = Allowed(
        (SpiffeId.parse("spiffe://a.example/web"),), (SpiffeId.parse("spiffe://a.example/ns"),)
    )
    lines = apache(allowed, "/ca.crt").lines
    assert "Require spiffe spiffe://a.example/web spiffe://a.example/ns/*\n" in lines["server"]
