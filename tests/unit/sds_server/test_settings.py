from __future__ import annotations

import pytest

from accredit.sds_server.settings import SdsSettings


def test_special_names_must_differ() -> None:
    with pytest.raises(ValueError, match="the names 'default', 'X', 'X' must differ"):
        SdsSettings(default_bundle_name="X", default_all_bundles_name="X")


@pytest.mark.parametrize("name", ["", "*", "hint:x", "jwt:x", "spiffe://prod.example/api"])
def test_a_special_name_must_not_mean_something_else(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a secret"):
        SdsSettings(default_svid_name=name)
