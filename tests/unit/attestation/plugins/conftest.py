"""Nothing a plug-in declares outlives its test."""

from __future__ import annotations

import pytest

from accredit.attestation import trust


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_declared", {})
