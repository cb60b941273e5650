"""Whether an Envoy truly serves."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.sidecar_sample import SIDECAR
from support.sidecar_text import in_flow, read, whole

from accredit.envoy.bootstrap import to_json
from accredit.envoy.sidecar import Profile
from accredit.envoy.supervise import readiness
from accredit.envoy.supervise.expected import Expected, Listening, expected
from accredit.envoy.supervise.readiness import Observed, missing

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SHOP = "spiffe://td.example/shop"
_EXPECTED = expected(to_json(SIDECAR))
_ALL = Observed(
    epoch=0,
    live=True,
    secrets=frozenset(_EXPECTED.secrets),
    contexts=_EXPECTED.contexts,
    ends=(_NOW + timedelta(hours=1),),
    connected=frozenset(_EXPECTED.clusters),
    asked=frozenset(_EXPECTED.clusters),
    listening=_EXPECTED.listening,
)


def without(**changes: Any) -> list[str]:
    return list(missing(_EXPECTED, dataclasses.replace(_ALL, **changes), _NOW))


def test_the_bootstrap_says_what_to_expect() -> None:
    assert _EXPECTED.admin == "/run/shop/admin.sock"
    assert _EXPECTED.listening == {Listening("127.0.0.1", 8443), Listening("127.0.0.1", 9001)}
    assert _SHOP in _EXPECTED.secrets
    assert len(_EXPECTED.secrets) > 1
    assert _EXPECTED.contexts == 2
    assert set(_EXPECTED.clusters.values()) == {"unix:/run/accredit/public/api.sock"}


def test_with_everything_there_nothing_is_missing() -> None:
    assert without() == []


def test_an_admin_that_does_not_answer_is_all_that_is_told() -> None:
    assert list(missing(_EXPECTED, Observed(), _NOW)) == [
        "waiting for Envoy's admin interface at unix:/run/shop/admin.sock"
    ]


def test_a_secret_that_was_not_granted_is_named_with_the_agent_and_the_cure() -> None:
    (told,) = without(secrets=_ALL.secrets - {_SHOP})
    assert told == (
        f"waiting for secret {_SHOP} from the agent at unix:/run/accredit/public/api.sock: "
        "not granted yet; see accredit entry explain"
    )


def test_an_agent_that_is_not_there_is_told_as_such() -> None:
    told = without(secrets=frozenset(), connected=frozenset())
    assert len(told) == len(_EXPECTED.secrets)
    assert all("no connection; is accredit running?" in each for each in told)


def test_an_agent_that_ends_streams_is_none_of_accredits_or_says_why_in_envoys_log() -> None:
    (told,) = without(secrets=_ALL.secrets - {_SHOP}, asked=frozenset())
    assert told.endswith("refused, see Envoy's log above; a SPIRE Agent needs --profile spire")


def test_of_spires_agent_nothing_is_told_that_only_accredits_has() -> None:
    spires = expected(to_json(dataclasses.replace(SIDECAR, profile=Profile.SPIRE, socket="/run/s")))
    observed = dataclasses.replace(_ALL, secrets=frozenset(), contexts=0)
    alone = dataclasses.replace(observed, connected=frozenset())
    broken = dataclasses.replace(_ALL, contexts=0)
    told = [*missing(spires, observed, _NOW), *missing(spires, alone, _NOW)]
    assert "(yet); see spire-server entry show" in told[0]
    assert "is the SPIRE Agent running?" in told[-1]
    told += missing(spires, broken, _NOW)
    assert "only 0 of 2" in told[-1]
    assert "accredit" not in " ".join(told)


def test_one_that_is_not_live_is_initializing() -> None:
    assert without(live=False) == ["Envoy is initializing"]


def test_keys_that_have_not_come_are_named_by_their_place() -> None:
    wants = dataclasses.replace(_EXPECTED, keys=frozenset({"unix:/run/k"}), fetches=2)
    waits = dataclasses.replace(_ALL, live=False, fetched=1)
    assert list(missing(wants, waits, _NOW)) == [
        "waiting for JWT keys from unix:/run/k: not served there, or not to this sidecar",
        "Envoy is initializing",
    ]
    assert list(missing(wants, dataclasses.replace(waits, fetched=2), _NOW)) == [
        "Envoy is initializing"
    ]


def test_the_bootstrap_says_where_keys_are() -> None:
    two = "[/web, spiffe://b.example/*]"
    text = whole(in_flow(f"jwt: {{audience: a, allow: {two}, jwks: /run/k}}"))
    found = expected(to_json(read(text)))
    assert (found.keys, found.fetches) == (frozenset({"unix:/run/k"}), 2)


def test_a_context_that_was_not_made_is_missing_though_envoy_is_live() -> None:
    (told,) = without(contexts=1)
    assert told.startswith("only 1 of 2 TLS contexts")


def test_an_expired_certificate_is_no_certificate() -> None:
    (told,) = without(ends=(_NOW + timedelta(hours=1), _NOW))
    assert "expired" in told


def test_a_port_that_nobody_listens_on_is_named() -> None:
    assert without(listening=frozenset({Listening("127.0.0.1", 8443)})) == [
        "nothing listens on 127.0.0.1:9001"
    ]


def _stats(**values: int) -> Any:
    return {"stats": [{"name": name, "value": value} for name, value in values.items()]}


@pytest.mark.parametrize(("state", "live"), [(0, True), (1, True), (2, False), (3, False)])
def test_live_or_draining_with_workers_is_live(state: int, *, live: bool) -> None:
    answer = _stats(
        **{"server.state": state, "listener_manager.workers_started": 1},
        **{"server.hot_restart_epoch": 4, "cluster.sds.upstream_cx_active": 1},
        **{"cluster.app.upstream_cx_active": 0, "cluster.app.upstream_rq_active": 0},
        **{"cluster.sds.upstream_rq_active": 2},
        **{"http.a.jwt_authn.jwks_fetch_success": 1, "http.b.jwt_authn.jwks_fetch_success": 2},
    )
    asked = frozenset({"sds"})
    assert readiness.from_stats(answer) == Observed(
        epoch=4, live=live, connected=asked, asked=asked, fetched=3
    )


def test_live_without_workers_is_not_live() -> None:
    answer = _stats(**{"server.state": 0, "server.hot_restart_epoch": 0})
    assert not readiness.from_stats(answer).live


@pytest.mark.parametrize("answer", [None, [], {}, {"stats": 1}, {"stats": [1]}])
def test_an_answer_without_sense_is_nobody(answer: Any) -> None:
    assert readiness.from_stats(answer) == Observed()


def test_certificates_are_counted_by_context() -> None:
    leaf = {"expiration_time": "2026-01-01T00:00:00Z"}
    answer = {"certificates": [{"cert_chain": [leaf]}, {"ca_cert": [leaf]}, {"cert_chain": []}]}
    assert readiness.from_certificates(answer) == (1, (_NOW,))


def test_a_bootstrap_without_admin_is_refused() -> None:
    with pytest.raises(ValueError, match="no admin interface"):
        expected("{}")


def test_what_does_not_listen_is_not_expected_to() -> None:
    listeners = [
        {"address": {"socket_address": {"address": "::1", "port_value": 1}}},
        {"address": {"socket_address": {"address": "::1", "port_value": 2}}, "bind_to_port": False},
        {"address": {"socket_address": {"address": "::1", "port_value": 0}}},
        {"address": {"pipe": {"path": "/p"}}},
    ]
    found = _expected({"listeners": listeners})
    assert sorted(map(str, found.listening)) == ["[::1]:1", "unix:/p"]


def test_an_admin_on_a_port_is_one_too() -> None:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 9901}}
    assert _expected({}, address).admin == ("127.0.0.1", 9901)


def _expected(resources: Any, admin: Any = None) -> Expected:
    address = admin or {"pipe": {"path": "/a"}}
    return expected(json.dumps({"admin": {"address": address}, "static_resources": resources}))
