from __future__ import annotations

from datetime import datetime, timedelta

from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.authority.entry import Entry
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.held import Form, Held

HOUR = timedelta(hours=1)
WEB = entry("/web")
FORM = Form(WEB.spiffe_id, WEB.x509_ttl, (), 1)


def svid(of: Entry = WEB) -> X509Svid:
    key = generate(KeyType.EC_P256)
    leaf = Signer(of.spiffe_id.trust_domain, EPOCH).x509(of, key.public_key(), EPOCH)
    return X509Svid(of.spiffe_id, (leaf,), key)


def held(renew_at: datetime = EPOCH + HOUR / 2) -> Held:
    held = Held(WEB, asked=EPOCH)
    held.renewed(svid(), FORM, renew_at)
    return held


def test_without_an_svid_one_is_due_at_once() -> None:
    new = Held(WEB, asked=EPOCH)
    assert new.due(FORM, EPOCH)
    assert new.next_look(FORM, EPOCH) == EPOCH


def test_an_svid_is_due_from_its_renewal_time_on() -> None:
    assert not held().due(FORM, EPOCH + HOUR / 2 - timedelta(seconds=1))
    assert held().due(FORM, EPOCH + HOUR / 2)


def test_an_svid_is_usable_to_its_last_second_and_no_longer() -> None:
    assert held().usable(EPOCH + HOUR) is not None
    assert held().usable(EPOCH + HOUR + timedelta(microseconds=1)) is None


def test_at_its_end_it_has_expired() -> None:
    ends = held().ends
    assert ends is not None
    assert held().usable(ends) is None


def test_one_of_another_form_is_due_and_usable_meanwhile() -> None:
    other = Form(WEB.spiffe_id, WEB.x509_ttl, (), 2)
    assert held().due(other, EPOCH)
    assert held().usable(EPOCH) is not None


def test_an_svid_that_names_somebody_else_is_not_usable() -> None:
    changed = held()
    changed.entry = entry("/other")
    assert changed.usable(EPOCH) is None


def test_nobody_waits_for_what_has_just_failed() -> None:
    failed = held()
    failed.retry_at = EPOCH + HOUR
    assert not failed.lacks(FORM, EPOCH + HOUR / 2)
    assert failed.lacks(FORM, EPOCH + HOUR)


def test_the_next_look_is_at_the_retry_or_at_the_end() -> None:
    failed = held()
    failed.retry_at = EPOCH + HOUR / 2
    assert failed.next_look(FORM, EPOCH) == EPOCH + HOUR / 2
    failed.retry_at = EPOCH + 2 * HOUR
    assert failed.next_look(FORM, EPOCH) == failed.ends


def test_a_renewal_clears_what_failed_before() -> None:
    failed = held()
    failed.retry_at, failed.failures, failed.error = EPOCH, 3, "down"
    failed.renewed(svid(), FORM, EPOCH + HOUR)
    assert failed.next_look(FORM, EPOCH) == EPOCH + HOUR
    assert (failed.failures, failed.error, failed.rotations) == (0, "", 2)


def test_its_text_holds_no_key() -> None:
    assert "PRIVATE" not in repr(held())
    assert "X509Svid(spiffe://prod.example/web, serial=" in repr(held())
