from __future__ import annotations

import pytest
from support.ca import TestCa

from accredit.agent.output_plan import Wanted
from accredit.agent.workload_choice import choose_svid, choose_token
from accredit.identity.errors import NotEntitledError
from accredit.identity.spiffe_id import SpiffeId
from accredit.workload_api.contexts import HintedSvid, HintedToken

CA, OTHER = TestCa("prod.example"), TestCa("other.example")
WEB, API = (CA.svid(f"spiffe://prod.example/{name}") for name in ("web", "api"))
FAR = OTHER.svid("spiffe://other.example/api")
SVIDS = [HintedSvid(WEB, "internal"), HintedSvid(FAR, ""), HintedSvid(API, "external")]
TOKENS = [HintedToken(each.svid.spiffe_id, f"t{at}", each.hint) for at, each in enumerate(SVIDS)]


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        (Wanted(), 0),
        (Wanted(hint="external"), 2),
        (Wanted("/api"), 2),
        (Wanted("spiffe://other.example/api"), 1),
    ],
)
def test_one_is_chosen_and_a_path_is_of_the_own_trust_domain(wanted: Wanted, place: int) -> None:
    assert choose_svid(wanted, SVIDS) is SVIDS[place].svid
    assert choose_token(wanted, TOKENS) is TOKENS[place]


def test_one_that_is_not_there_is_refused_and_the_others_are_named() -> None:
    with pytest.raises(NotEntitledError) as caught:
        choose_svid(Wanted("/nope"), SVIDS)
    assert str(caught.value) == (
        "no identity of this process is /nope; there are: spiffe://prod.example/web (hint"
        " 'internal'), spiffe://other.example/api, spiffe://prod.example/api (hint 'external')"
    )


def test_of_very_many_some_are_named_and_no_token_is_shown() -> None:
    ids = [SpiffeId.parse(f"spiffe://prod.example/{at}") for at in range(30)]
    with pytest.raises(NotEntitledError, match="/9 and 20 more") as caught:
        choose_token(Wanted("/x"), [HintedToken(each, "a.secret.token", "") for each in ids])
    assert "secret" not in str(caught.value)
