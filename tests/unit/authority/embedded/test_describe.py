from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN

from accredit.authority.embedded.describe import describe
from accredit.authority.embedded.schedule import Action, Step
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import certificate, first
from accredit.authority.embedded.state import Kind, Phase

_PUBLISHED = {Kind.X509: timedelta(minutes=15), Kind.JWT: timedelta(seconds=9)}
_STATE, _ = first(TRUST_DOMAIN, EmbeddedSettings(), FakeClock())


def test_an_operator_sees_roots_jwt_keys_and_what_comes_next() -> None:
    root, jwt = _STATE.signers
    step = Step(Action.PREPARE, Kind.X509, "", EPOCH + timedelta(days=15))
    assert describe(_STATE, [step], _PUBLISHED) == {
        "trust_domain": "prod.example",
        "sequence": _STATE.sequence,
        "refresh_hint": 300,
        "publish_for": {"x509": 900, "jwt": 9},
        "roots": [
            {
                "kid": root.kid,
                "state": "active",
                "serial": f"{certificate(root).serial_number:x}",
                "not_before": "2025-12-31T23:50:00Z",
                "not_after": "2026-01-31T00:00:00Z",
                "prepared_at": "2026-01-01T00:00:00Z",
                "activated_at": "2026-01-01T00:00:00Z",
                "needed_until": None,
                "forced": False,
            }
        ],
        "jwt_keys": [
            {
                "kid": jwt.kid,
                "state": "active",
                "not_before": "2025-12-31T23:50:00Z",
                "not_after": "2026-01-31T00:00:00Z",
                "prepared_at": "2026-01-01T00:00:00Z",
                "activated_at": "2026-01-01T00:00:00Z",
                "needed_until": None,
                "forced": False,
            }
        ],
        "next_steps": [
            {"action": "prepare", "kind": "x509", "kid": "", "at": "2026-01-16T00:00:00Z"}
        ],
    }


def test_it_is_plain_data_also_for_a_root_that_was_never_active() -> None:
    root, jwt = _STATE.signers
    prepared = replace(root, kid="b", phase=Phase.PREPARED, activated_at=None)
    found = describe(replace(_STATE, signers=(root, prepared, jwt)), [], _PUBLISHED)
    assert json.loads(json.dumps(found)) == found
    assert found["roots"][1]["activated_at"] is None  # type: ignore[index]


def test_of_an_old_root_it_tells_until_when_it_is_needed() -> None:
    root, jwt = _STATE.signers
    found = describe(replace(_STATE, signers=(replace(root, phase=Phase.OLD), jwt)), [], _PUBLISHED)
    assert found["roots"][0]["needed_until"] == "2026-01-01T00:00:00Z"  # type: ignore[index]
