from __future__ import annotations

from datetime import timedelta

import pytest

from accredit.authority.federation.publication import least_publication


@pytest.mark.parametrize(("hint", "least"), [(300, 660), (1, 3), (10, 22)])
def test_a_partner_may_miss_one_fetch_in_whole_seconds(hint: int, least: int) -> None:
    assert least_publication(timedelta(seconds=hint)) == timedelta(seconds=least)
