from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.ca import TestCa
from support.clock import EPOCH
from support.file_sets import GIVEN, material, token

from accredit.file_output.kept_tokens import KeptTokens
from accredit.file_output.render import render
from accredit.file_output.spec import FileSpec, Kind

CA = TestCa()
SPECS = (FileSpec(Kind.KEY, "tls.key"), FileSpec(Kind.JWT, "db.jwt", audience="db"))


def test_the_tokens_of_the_last_set_fit_the_same_identity_and_no_other() -> None:
    kept, db = KeptTokens(SPECS), token(CA, "db")
    first = material(CA, tokens={"db": db})
    assert kept.fitting(first) == {}
    kept.made(first, render(first, SPECS, GIVEN, EPOCH))
    assert kept.fitting(material(CA)) == {"db": db}
    other = replace(first, svid=CA.svid("spiffe://td.example/other"), tokens={})
    assert kept.fitting(other) == {}
    assert kept.fitting(replace(first, svid=None)) == {}


def test_a_token_that_was_kept_is_kept_on_and_a_new_one_takes_its_place() -> None:
    kept, db = KeptTokens(SPECS), token(CA, "db")
    first, without = material(CA, tokens={"db": db}), material(CA)
    kept.made(first, render(first, SPECS, GIVEN, EPOCH))
    for _ in range(2):
        found = render(without, SPECS, GIVEN, EPOCH, kept.fitting(without))
        kept.made(without, found)
        assert found.content("db.jwt") == db.encode()
        assert found.stale == ("db.jwt: there is no JWT-SVID for audience 'db' just now",)
    late = EPOCH + timedelta(minutes=6)
    found = render(first, SPECS, GIVEN, late, kept.fitting(first))
    assert found.content("db.jwt") == db.encode()
    assert "expired" in found.stale[0]
    assert db not in found.stale[0]
    newer = material(CA, tokens={"db": token(CA, "db")})
    found = render(newer, SPECS, GIVEN, EPOCH, kept.fitting(newer))
    assert found.content("db.jwt") == newer.tokens["db"].encode()
    assert found.stale == ()
