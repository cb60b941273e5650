"""What people read of status and authority."""

from __future__ import annotations

from typing import Any

import pytest

from accredit.agent import status_text
from accredit.file_output.ledger import Line, State

_ROTATION: dict[str, Any] = {
    "watchers": 0,
    "rotations": 3,
    "failures": 0,
    "entries": [],
    "tokens": [],
}
_STATUS: dict[str, Any] = {
    "version": "1.0",
    "trust_domain": "prod.example",
    "started": "2026-01-01T00:00:00Z",
    "socket": "/s",
    "jwks_socket": "/j",
    "bundle_endpoint": None,
    "data_dir": "/d",
    "entries": 2,
    "bundles": ["partner.example", "prod.example"],
    "federation": [],
    "revoked": {"svids": 0, "entries": 0, "problem": ""},
    "rotation": _ROTATION,
    "sds": None,
    "outputs": [],
    "problems": [],
}
_SVID = {
    "spiffe_id": "spiffe://prod.example/a",
    "serial": None,
    "not_after": None,
    "next_look": "2026-01-01T00:30:00Z",
    "watched": True,
    "error": "nobody can sign",
}
_LINE = {
    "name": "default",
    "kind": "TLS certificate",
    "spiffe_id": "spiffe://prod.example/a",
    "state": "refused",
    "serial": "5f",
    "not_after": "2026-01-01T01:00:00Z",
    "refusal": "key does not fit",
    "reason": "",
}
_REFUSAL = {
    "at": "2026-01-01T00:00:00Z",
    "pid": 7,
    "node": "n",
    "name": "default",
    "text": "key does not fit",
}
_COUNTERS = {"pushes": 5, "acks": 4, "nacks": 1, "parked": 0, "never": 0, "failed_checks": 0}
_SIGNER = {"kid": "k1", "state": "active", "not_before": "b", "not_after": "a"}


def test_problems_are_told_at_the_end_in_a_line_each() -> None:
    text = status_text.status_text({**_STATUS, "problems": ["one thing", "another"]})
    assert text.splitlines()[-4:] == ["", "PROBLEMS", "one thing", "another"]


def test_an_agent_without_callers_is_told_in_one_block() -> None:
    text = status_text.status_text(_STATUS)
    assert text.splitlines() == [
        "accredit      1.0, since 2026-01-01T00:00:00Z",
        "trust domain  prod.example",
        "bundles of    partner.example, prod.example",
        "entries       2",
        "socket        /s",
        "JWK Sets      /j",
        "own bundle    not served",
        "data          /d",
        "SVIDs signed  3",
    ]


def test_failed_renewals_are_told_with_their_reason() -> None:
    rotation = {**_ROTATION, "failures": 2, "entries": [_SVID]}
    text = status_text.status_text({**_STATUS, "rotation": rotation})
    assert "SVIDs signed  3, failed 2" in text
    assert text.splitlines()[-1].startswith("spiffe://prod.example/a")
    assert text.endswith("yes      nobody can sign")


def test_tokens_that_are_kept_fresh_are_told_without_the_token() -> None:
    token = {
        "spiffe_id": "spiffe://prod.example/a",
        "audience": "api",
        "expires_at": "2026-01-01T00:05:00Z",
        "next_look": None,
        "followers": 2,
        "error": "",
    }
    text = status_text.status_text({**_STATUS, "rotation": {**_ROTATION, "tokens": [token]}})
    heading, row = text.splitlines()[-2:]
    assert heading.split("  ")[0] == "SPIFFE ID"
    assert row.split() == ["spiffe://prod.example/a", "api", "2026-01-01T00:05:00Z", "2"]


def test_every_secret_of_every_envoy_is_told_and_what_it_refused() -> None:
    envoy = {"pid": 7, "uid": 1000, "node": "n", "secrets": [_LINE]}
    sds = {"counters": _COUNTERS, "connections": [envoy], "recent_refusals": [_REFUSAL]}
    text = status_text.status_text({**_STATUS, "sds": sds})
    assert "secrets sent  5, refused 1" in text
    assert (
        "7    1000  n     default  TLS certificate  refused  spiffe://prod.example/a  5f  " in text
    )
    assert text.splitlines()[-1] == "2026-01-01T00:00:00Z  7    n     default  key does not fit"


def test_sds_without_envoys_adds_no_empty_tables() -> None:
    sds = {"counters": {**_COUNTERS, "nacks": 0}, "connections": [], "recent_refusals": []}
    text = status_text.status_text({**_STATUS, "sds": sds})
    assert text.splitlines()[-1] == "secrets sent  5"


def test_outputs_are_told_with_what_is_wrong_with_them() -> None:
    lines = [
        Line("web", State.SERVED, serial="5f"),
        Line("db", State.FAILING, expired=True, last_error="no such unit"),
        Line("api", lacking="no entry"),
        Line("k", stale=("one",), left_out=("two",)),
    ]
    text = status_text.status_text({**_STATUS, "outputs": [line.describe() for line in lines]})
    table = [line.rstrip() for line in text.splitlines()[-5:]]
    assert table == [
        "OUTPUT  STATE             SERIAL  ENDS  WRITTEN  SEEN  NEXT TRY  ERROR",
        "web     served            5f",
        "db      failing, expired                                         no such unit",
        "api     waiting                                                  no entry",
        "k       waiting                                                  one; two",
    ]


def test_an_authority_is_told_with_what_comes_next() -> None:
    steps = [{"at": "t", "action": "prepare", "kind": "x509", "kid": ""}]
    text = status_text.ca_text(
        {
            "trust_domain": "prod.example",
            "sequence": 7,
            "refresh_hint": 300,
            "publish_for": {"x509": 900, "jwt": 9},
            "roots": [_SIGNER],
            "jwt_keys": [_SIGNER],
            "next_steps": steps,
        }
    )
    lines = text.splitlines()
    assert lines[1:5] == [
        "sequence       7",
        "refresh hint   5m",
        "a new root     is published 15m before it signs",
        "a new JWT key  is published 9s before it signs",
    ]
    assert lines[7].split() == ["root", "k1", "active", "b", "a"]
    assert lines[8].split() == ["JWT", "key", "k1", "active", "b", "a"]
    assert lines[-1].split() == ["t", "prepare", "x509", "a", "new", "one"]


def test_relationships_are_told_in_a_block_of_their_own() -> None:
    partner = {
        "trust_domain": "partner.example",
        "bundle": None,
        "succeeded": None,
        "next_try": "2026-01-01T00:00:05Z",
        "error": "no connection to partner.example",
    }
    text = status_text.status_text(_STATUS | {"federation": [partner]})
    heading, line = text.split("\n\n")[1].splitlines()
    assert heading.split("  ")[0] == "TRUST DOMAIN"
    assert line.endswith("2026-01-01T00:00:05Z  no connection to partner.example")


@pytest.mark.parametrize(
    ("revoked", "line"),
    [
        ({"svids": 2, "entries": 0, "problem": ""}, "revoked       entries: 0, SVIDs: 2"),
        (
            {"svids": 2, "entries": 1, "problem": "no key"},
            "revoked       entries: 1, SVIDs: 2, IN VAIN: no key",
        ),
    ],
)
def test_what_is_revoked_is_told_and_loudly_if_nobody_hears_of_it(
    revoked: dict[str, Any], line: str
) -> None:
    assert line in status_text.status_text(_STATUS | {"revoked": revoked}).splitlines()
    assert "revoked" not in status_text.status_text(_STATUS)
