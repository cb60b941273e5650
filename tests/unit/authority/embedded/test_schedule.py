from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.clock import EPOCH

from accredit.authority.embedded.schedule import Action, Step, next_step
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase, Signer

_DAY = timedelta(days=1)
_SKEW = timedelta(minutes=1)
_POLICY = EmbeddedSettings().x509_policy()
_ACTIVE = Signer(
    Kind.X509, "a", Phase.ACTIVE, b"a", EPOCH, EPOCH + 30 * _DAY, EPOCH, EPOCH, EPOCH, _DAY
)
_PREPARED = replace(
    _ACTIVE,
    kid="b",
    phase=Phase.PREPARED,
    not_before=EPOCH + 15 * _DAY,
    not_after=EPOCH + 45 * _DAY,
    prepared_at=EPOCH + 15 * _DAY,
    activated_at=None,
)


def _next(
    *signers: Signer, now: datetime = EPOCH, served: timedelta = timedelta(), ttl: timedelta = _DAY
) -> Step:
    policy = replace(_POLICY, max_ttl=ttl)
    return next_step(signers, policy, _SKEW, {"b": served}, now)


def test_the_next_signer_is_prepared_at_half_of_the_active_ones_life() -> None:
    assert _next(_ACTIVE) == Step(Action.PREPARE, Kind.X509, "", EPOCH + 15 * _DAY)


def test_it_takes_over_at_five_sixths() -> None:
    step = _next(_ACTIVE, _PREPARED, now=EPOCH + 15 * _DAY)
    assert step == Step(Action.ACTIVATE, Kind.X509, "b", EPOCH + 25 * _DAY)


def test_it_takes_over_while_the_longest_svid_still_fits_into_the_old_one() -> None:
    step = _next(_ACTIVE, _PREPARED, now=EPOCH + 15 * _DAY, ttl=10 * _DAY)
    assert step.at == EPOCH + 20 * _DAY


@pytest.mark.parametrize("served", [timedelta(), timedelta(minutes=14)])
def test_it_never_takes_over_before_this_process_has_published_it_for_long_enough(
    served: timedelta,
) -> None:
    now = EPOCH + 26 * _DAY
    step = _next(_ACTIVE, _PREPARED, now=now, served=served)
    assert _POLICY.publish_for == timedelta(minutes=15)
    assert step.at == now + timedelta(minutes=15) - served


def test_published_for_long_enough_and_overdue_it_takes_over_now() -> None:
    now = EPOCH + 26 * _DAY
    step = _next(_ACTIVE, _PREPARED, now=now, served=_DAY)
    assert step.at <= now


def test_a_forced_one_takes_over_as_soon_as_it_was_published_for_long_enough() -> None:
    now = EPOCH + _DAY
    forced = replace(_PREPARED, forced=True)
    assert _next(_ACTIVE, forced, now=now).at == now + timedelta(minutes=15)
    assert _next(_ACTIVE, forced, now=now, served=_DAY).at == now


def test_where_the_active_one_has_expired_nothing_is_gained_by_waiting() -> None:
    now = EPOCH + 31 * _DAY
    assert _next(_ACTIVE, now=now).at <= now
    assert _next(_ACTIVE, _PREPARED, now=now).at <= now


def test_waiting_to_be_published_ends_when_the_active_one_does() -> None:
    now = EPOCH + 30 * _DAY - timedelta(minutes=5)
    assert _next(_ACTIVE, _PREPARED, now=now).at == EPOCH + 30 * _DAY


def test_one_from_before_the_clock_was_set_back_is_replaced_by_force_alone() -> None:
    now = EPOCH - 400 * _DAY
    assert _next(_ACTIVE, now=now).at > now
    assert _next(_ACTIVE, _PREPARED, now=now).at > now + 300 * _DAY
    forced = _next(_ACTIVE, replace(_PREPARED, forced=True), now=now)
    assert forced.at == now + timedelta(minutes=15)


def test_an_old_one_goes_when_nothing_it_signed_is_valid_for_anyone() -> None:
    until = EPOCH + 26 * _DAY
    old = replace(_ACTIVE, kid="o", phase=Phase.OLD, signed_until=until)
    active = replace(_ACTIVE, not_before=EPOCH + 25 * _DAY, not_after=EPOCH + 55 * _DAY)
    assert _next(old, active) == Step(Action.RETIRE, Kind.X509, "o", until + _SKEW)


def test_of_two_old_ones_the_first_to_end_goes_first() -> None:
    first = replace(_ACTIVE, kid="1", phase=Phase.OLD, signed_until=EPOCH + _DAY)
    second = replace(_ACTIVE, kid="2", phase=Phase.OLD, signed_until=EPOCH + 2 * _DAY)
    assert _next(second, first, _ACTIVE).kid == "1"
