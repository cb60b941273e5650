"""Which bundle is newer: the rules of SPIFFE Federation 4.2."""

from __future__ import annotations

import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.authority.federation.freshness import Held, Origin, warnings_about
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import ResponseError

_OLD, _NEW = TestCa("a.example"), TestCa("a.example")


def held(sequence: int | None, origin: Origin = Origin.ENDPOINT) -> Held:
    return Held(_OLD.bundle(sequence=sequence), origin, EPOCH)


@pytest.mark.rows("FC-26", "FC-27")
@pytest.mark.parametrize(
    ("before", "after", "warnings"),
    [
        (7, 8, []),
        (7, 2**64 - 1, []),
        (None, None, []),
        (None, 1, []),
        (7, None, ["spiffe_sequence was 7 and is missing now"]),
        (7, 7, ["the bundle changed and its spiffe_sequence is still 7"]),
    ],
)
def test_what_is_not_older_is_taken(
    before: int | None, after: int | None, warnings: list[str]
) -> None:
    assert warnings_about(held(before), _NEW.bundle(sequence=after)) == warnings


def test_the_first_bundle_and_the_same_one_again_are_taken_in_silence() -> None:
    assert warnings_about(None, _OLD.bundle(sequence=7)) == []
    assert warnings_about(held(7), _OLD.bundle(sequence=7)) == []


@pytest.mark.rows("FC-26")
@pytest.mark.parametrize("origin", [Origin.ENDPOINT, Origin.BOOTSTRAP])
@pytest.mark.parametrize(("before", "after"), [(7, 6), (7, 0), (2**53 + 1, 2**53)])
def test_an_older_one_is_refused(before: int, after: int, origin: Origin) -> None:
    with pytest.raises(ResponseError, match=f"older than the one held: sequence {after} after"):
        warnings_about(held(before, origin), _NEW.bundle(sequence=after))


@pytest.mark.rows("FC-28")
def test_what_an_operator_has_set_gives_way_to_any_other() -> None:
    assert warnings_about(held(7, Origin.OPERATOR), _NEW.bundle(sequence=1)) == []


@pytest.mark.rows("BP-09")
def test_an_empty_bundle_is_taken_and_said_to_distrust_everything() -> None:
    empty = TrustBundle(_OLD.trust_domain, sequence=8)
    [warning] = warnings_about(held(7), empty)
    assert warning.startswith("the bundle has no key")
    with pytest.raises(ResponseError, match="older"):
        warnings_about(held(9), empty)
