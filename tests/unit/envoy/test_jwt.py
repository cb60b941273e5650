from __future__ import annotations

from typing import Any

import pytest
from support import generated
from support.bootstrap_reading import clusters, found, manager
from support.sidecar_text import in_flow, whole

from accredit.envoy.sidecar import Profile

_TWO = "[/web, spiffe://b.example/*]"


def _filters(fields: str) -> list[dict[str, Any]]:
    requests = manager(generated.mutual(f"jwt: {fields}"))
    assert requests is not None
    return [each["typed_config"] for each in requests["http_filters"][2:4]]


def test_a_trust_domains_keys_speak_for_its_own_ids_only() -> None:
    providers = _filters(f"{{audience: a, allow: {_TWO}}}")[0]["providers"]
    assert {name: each["subjects"] for name, each in providers.items()} == {
        "own.example": {"prefix": "spiffe://own.example/"},
        "b.example": {"prefix": "spiffe://b.example/"},
    }
    uris = [each["remote_jwks"]["http_uri"]["uri"] for each in providers.values()]
    assert sorted(uris) == ["http://jwks/b.example", "http://jwks/own.example"]


def test_spire_serves_the_keys_of_its_own_trust_domain_as_keys() -> None:
    plain = generated.of(whole(in_flow("jwt: {audience: a, jwks: /run/k}")), Profile.SPIRE)
    assert [each["uri"] for each in found(plain, "http_uri")] == ["http://jwks/keys"]


def test_a_fetch_is_tried_until_it_is_good_and_no_try_lasts_for_ever() -> None:
    plain = generated.of(whole(in_flow("jwt: {audience: a, jwks: /run/k}")))
    (remote,) = found(plain, "remote_jwks")
    assert remote["http_uri"]["timeout"] == "0s"
    assert remote["retry_policy"]["num_retries"] == 2**32 - 1
    assert remote["retry_policy"]["retry_back_off"]["max_interval"] == "1s"
    cluster = clusters(plain)["jwks:/run/k"]
    assert found(cluster, "max_stream_duration") == ["2s"]
    assert found(cluster, "max_retries") == [2**32 - 1]


@pytest.mark.parametrize("allow", ["/web", _TWO], ids=["one", "two"])
def test_every_request_needs_a_token_of_one_of_them(allow: str) -> None:
    (rule,) = _filters(f"{{audience: a, allow: {allow}}}")[0]["rules"]
    assert rule["match"] == {"prefix": "/"}
    named = found(rule["requires"], "provider_name")
    assert sorted(named) == (["own.example"] if allow == "/web" else ["b.example", "own.example"])
    assert ("requires_any" in rule["requires"]) == (allow == _TWO)


def test_a_token_must_be_for_this_audience_in_the_header_and_not_expired() -> None:
    (provider,) = _filters("{audience: [a, b]}")[0]["providers"].values()
    assert provider["audiences"] == ["a", "b"]
    assert provider["require_expiration"] is True
    assert provider["clock_skew_seconds"] == 10
    assert provider["from_headers"] == [{"name": "Authorization", "value_prefix": "Bearer "}]
    assert "from_params" not in provider


def test_the_app_sees_the_token_only_if_it_is_to() -> None:
    (provider,) = _filters("{audience: a}")[0]["providers"].values()
    assert "forward" not in provider
    (provider,) = _filters("{audience: a, forward: true}")[0]["providers"].values()
    assert provider["forward"] is True


def test_of_all_subjects_only_those_named_are_allowed() -> None:
    _, rbac = _filters(f"{{audience: a, allow: {_TWO}}}")
    principals = rbac["rules"]["policies"]["subjects"]["principals"]
    texts = [found(each, "string_match")[0] for each in principals]
    assert texts == [{"exact": "spiffe://own.example/web"}, {"prefix": "spiffe://b.example/"}]
    assert [step["key"] for step in found(principals[0], "path")[0]] == ["claims", "sub"]
    assert rbac["rules"].get("action", "ALLOW") == "ALLOW"


def test_keys_are_fetched_over_one_socket_before_anybody_is_served() -> None:
    plain = generated.of(whole(in_flow(f"jwt: {{audience: a, allow: {_TWO}, jwks: /run/k}}")))
    assert found(clusters(plain)["jwks:/run/k"], "path") == ["/run/k"]
    assert set(found(plain, "http_uri")[0]) == {"uri", "cluster", "timeout"}
    fetch = found(plain, "async_fetch")
    # false is the default, and leaves the field out: the listener waits.
    assert [each.get("fast_listener", False) for each in fetch] == [False, False]


def test_without_a_demand_there_is_none() -> None:
    assert not [name for name in clusters(generated.of(whole())) if name.startswith("jwks")]


def test_a_token_is_added_to_each_request_or_none_is_sent() -> None:
    requests = manager(generated.way_out("jwt: {audience: orders}"))
    assert requests is not None
    injector = requests["http_filters"][0]["typed_config"]
    assert injector["overwrite"] is True
    assert "allow_request_without_credential" not in injector
    generic = injector["credential"]["typed_config"]
    assert generic["credential"]["name"] == "jwt:orders"
    assert (generic["header"], generic["header_value_prefix"]) == ("Authorization", "Bearer ")
