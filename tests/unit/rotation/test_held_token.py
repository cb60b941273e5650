from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.held_token import HeldToken, Token, TokenForm

MINUTE = timedelta(minutes=1)
WEB = entry("/web", jwt_ttl=10 * MINUTE)
FORM = TokenForm(WEB.spiffe_id, WEB.jwt_ttl, 1)
SVID = Signer(TrustDomain("prod.example"), EPOCH).jwt(WEB, ["a"], EPOCH)


def held() -> HeldToken:
    made = HeldToken(WEB, "a")
    made.renewed(SVID, FORM, EPOCH + 5 * MINUTE)
    return made


def test_one_that_was_never_signed_is_looked_at_now() -> None:
    new = HeldToken(WEB, "a")
    assert new.usable(EPOCH) is None
    assert new.lacks(FORM, EPOCH)
    assert new.next_look(FORM, EPOCH) == EPOCH


def test_a_token_is_usable_until_the_moment_it_ends() -> None:
    assert held().usable(EPOCH + 10 * MINUTE - timedelta(microseconds=1))
    assert held().usable(EPOCH + 10 * MINUTE) is None


def test_a_token_of_another_identity_than_the_entrys_is_not() -> None:
    changed = held()
    changed.entry = entry("/other")
    assert changed.usable(EPOCH) is None


def test_it_is_renewed_when_its_time_has_come_or_its_form_is_another() -> None:
    assert held().next_look(FORM, EPOCH) == EPOCH + 5 * MINUTE
    assert not held().lacks(FORM, EPOCH + 5 * MINUTE - timedelta(microseconds=1))
    assert held().lacks(FORM, EPOCH + 5 * MINUTE)
    assert held().next_look(replace(FORM, generation=2), EPOCH) == EPOCH


def test_after_a_failure_it_waits_for_the_retry_or_for_its_end() -> None:
    failing = held()
    failing.retry_at = EPOCH + 7 * MINUTE
    assert not failing.lacks(FORM, EPOCH + 6 * MINUTE)
    assert failing.lacks(FORM, EPOCH + 7 * MINUTE)
    assert failing.next_look(FORM, EPOCH) == EPOCH + 7 * MINUTE
    failing.retry_at = EPOCH + 11 * MINUTE
    assert failing.next_look(FORM, EPOCH) == EPOCH + 10 * MINUTE
    failing.token = None
    assert failing.next_look(FORM, EPOCH) == EPOCH + 11 * MINUTE


def test_what_is_made_of_a_token_is_made_once() -> None:
    token = Token(SVID)
    first = token.memo("x", lambda svid: [svid.token])
    assert token.memo("x", lambda _: []) is first
    assert token.memo("y", lambda _: []) == []
    assert "eyJ" not in repr(token)
