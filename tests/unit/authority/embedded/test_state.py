from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import EPOCH
from support.embedded import TRUST_DOMAIN

from accredit.authority.embedded.state import (
    Kind,
    Phase,
    Signer,
    State,
    activate,
    next_sequence,
    prepare,
    retire,
)

_HINT = timedelta(minutes=5)
_LATER = EPOCH + timedelta(days=15)
_UNTIL = EPOCH + timedelta(days=16)


def _signer(kid: str, phase: Phase, kind: Kind = Kind.X509) -> Signer:
    end = EPOCH + timedelta(days=30)
    return Signer(kind, kid, phase, kid.encode(), EPOCH, end, EPOCH, None, EPOCH, _HINT)


_FIRST = State(
    TRUST_DOMAIN,
    int(EPOCH.timestamp()),
    _HINT,
    (_signer("a", Phase.ACTIVE), _signer("j", Phase.ACTIVE, Kind.JWT)),
)
_PREPARED = prepare(_FIRST, _signer("b", Phase.PREPARED), _LATER)


def _phases(state: State) -> dict[str, Phase]:
    return {signer.kid: signer.phase for signer in state.signers}


def test_a_prepared_signer_is_published_beside_the_active_one() -> None:
    assert _phases(_PREPARED) == {"a": Phase.ACTIVE, "j": Phase.ACTIVE, "b": Phase.PREPARED}
    assert _PREPARED.prepared(Kind.X509) is _PREPARED.signers[-1]
    assert _PREPARED.prepared(Kind.JWT) is None


def test_activation_turns_the_active_one_of_the_same_kind_old_and_no_other() -> None:
    state = activate(_PREPARED, "b", _UNTIL, _LATER)
    assert _phases(state) == {"a": Phase.OLD, "j": Phase.ACTIVE, "b": Phase.ACTIVE}
    old, _, new = state.signers
    assert old.signed_until == _UNTIL
    assert new.activated_at == _LATER
    assert not old.signs


def test_retiring_takes_a_signer_out() -> None:
    state = retire(activate(_PREPARED, "b", _UNTIL, _LATER), "a", _UNTIL)
    assert _phases(state) == {"j": Phase.ACTIVE, "b": Phase.ACTIVE}


@pytest.mark.rows("BE-04")
def test_the_sequence_changes_with_what_is_published_and_with_nothing_else() -> None:
    activated = activate(_PREPARED, "b", _UNTIL, _LATER)
    retired = retire(activated, "a", _UNTIL)
    hinted = retired.with_refresh_hint(_HINT * 2, _UNTIL)
    assert _FIRST.sequence < _PREPARED.sequence == activated.sequence
    assert activated.sequence < retired.sequence < hinted.sequence
    assert hinted.with_refresh_hint(_HINT * 2, _UNTIL) is hinted
    marked = [replace(signer, signed_until=_UNTIL) for signer in hinted.signers]
    assert hinted.with_signers(marked, _UNTIL).sequence == hinted.sequence


def test_a_signer_remembers_the_longest_life_it_was_ever_allowed_to_give() -> None:
    longer = _FIRST.with_longest({Kind.X509: _HINT * 3, Kind.JWT: _HINT / 2})
    assert [signer.longest for signer in longer.signers] == [_HINT * 3, _HINT]
    assert longer.sequence == _FIRST.sequence
    again = longer.with_longest({Kind.X509: _HINT, Kind.JWT: _HINT})
    assert again == longer


@given(st.integers(0, 2**40), st.integers(-(10**6), 10**6))
def test_the_sequence_grows_whatever_the_clock_does(sequence: int, seconds: int) -> None:
    assert next_sequence(sequence, EPOCH + timedelta(seconds=seconds)) > sequence


def test_the_sequence_follows_the_clock_so_that_a_restored_backup_is_not_behind() -> None:
    assert next_sequence(5, EPOCH) == int(EPOCH.timestamp())
