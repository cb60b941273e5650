from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from support.sidecar_sample import SIDECAR


def test_a_sidecar_asks_for_its_default_identity_unless_told_otherwise() -> None:
    assert type(SIDECAR)("x", SIDECAR.trust_domain, "/s", "/a").identity == "default"


def test_a_sidecar_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        SIDECAR.delta = True  # type: ignore[misc]
