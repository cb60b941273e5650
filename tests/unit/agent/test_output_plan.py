"""Which of several identities an output means."""

from __future__ import annotations

import pytest

from accredit.agent.output_plan import Wanted
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_OWN = TrustDomain("prod.example")


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True),
        (Wanted("/a"), True),
        (Wanted("spiffe://prod.example/a"), True),
        (Wanted("/b"), False),
        (Wanted("spiffe://other.example/a"), False),
        (Wanted(hint="internal"), True),
        (Wanted(hint="external"), False),
    ],
)
def test_an_identity_is_the_one_meant_by_its_spiffe_id_or_hint(wanted: Wanted, fits: bool) -> None:
    assert wanted.matches(SpiffeId.parse("spiffe://prod.example/a"), "internal", _OWN) is fits


def test_it_is_said_in_words_which_identity_is_meant() -> None:
    texts = [str(each) for each in (Wanted(), Wanted("/a"), Wanted(hint="b"))]
    assert texts == ["any identity", "/a", "hint 'b'"]


@pytest.mark.parametrize("text", ["a", "spiffe://", "/a/../b", "http://a/b"])
def test_what_is_no_spiffe_id_is_refused(text: str) -> None:
    with pytest.raises(SpiffeIdError):
        Wanted(text)
