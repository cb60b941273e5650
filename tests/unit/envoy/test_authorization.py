from __future__ import annotations

import re
from typing import Any

import pytest
from support.bootstrap_reading import found
from support.sidecar_sample import PARTNER, WEB

from accredit.envoy import authorization
from accredit.envoy.peers import Rule


def _configs(filters: Any) -> list[dict[str, Any]]:
    return [each.to_dict()["typedConfig"] for each in filters]


def _policy(rule: Rule) -> dict[str, Any]:
    _, allowed = _configs(authorization.http_filters([rule]))
    policy: dict[str, Any] = allowed["rules"]["policies"]["rule_0"]
    return policy


@pytest.mark.parametrize(
    "filters",
    [
        authorization.http_filters([Rule((WEB,))]),
        authorization.network_filters("inbound_0", [Rule((WEB,))]),
    ],
    ids=["requests", "connections"],
)
def test_first_of_all_exactly_one_uri_san_is_wanted_and_else_denied(filters: Any) -> None:
    first, _ = _configs(filters)
    matcher = first["matcher"]
    regex = re.compile(found(matcher, "regex")[0])
    assert regex.fullmatch("spiffe://td.example/web")
    # Envoy joins several with commas.
    for several in ("spiffe://a/x,spiffe://b/y", "", "spiffe://a/x,https://b", "https://b"):
        assert not regex.fullmatch(several)
    assert found(matcher["onNoMatch"], "action")[0]["typedConfig"]["action"] == "DENY"
    # ALLOW is 0, which proto3 JSON may leave out.
    assert found(matcher["matcherList"], "typedConfig")[-1].get("action", "ALLOW") == "ALLOW"


def test_what_no_rule_allows_is_denied() -> None:
    _, allowed = _configs(authorization.http_filters([Rule((WEB,)), Rule((PARTNER,), ("GET",))]))
    assert allowed["rules"].get("action", "ALLOW") == "ALLOW"
    assert set(allowed["rules"]["policies"]) == {"rule_0", "rule_1"}


def test_callers_are_known_by_the_certificate_that_tls_has_validated() -> None:
    (principal, other) = _policy(Rule((WEB, PARTNER)))["principals"]
    assert principal["custom"]["name"] == "envoy.rbac.principals.mtls_authenticated"
    matcher = principal["custom"]["typedConfig"]["sanMatcher"]
    assert matcher == {"sanType": "URI", "matcher": {"exact": WEB.text}}
    assert found(other, "exact") == [PARTNER.text]


def test_a_free_rule_allows_any_request() -> None:
    assert _policy(Rule((WEB,)))["permissions"] == [{"any": True}]


def _allowed(limit: Any) -> Any:
    return limit["andRules"]["rules"][0]


def _refused(limit: Any) -> Any:
    return limit["andRules"]["rules"][1]["notRule"]


def test_a_limited_rule_wants_one_of_its_methods_and_one_of_its_paths() -> None:
    (permission,) = _policy(Rule((WEB,), ("GET", "PUT"), ("/status", "/a/*")))["permissions"]
    methods, paths = permission["andRules"]["rules"]
    wanted = _allowed(methods)["orRules"]["rules"]
    assert [each["header"]["name"] for each in wanted] == [":method"] * 2
    assert found(wanted, "exact") == ["GET", "PUT"]
    wanted = _allowed(paths)
    assert (found(wanted, "exact"), found(wanted, "prefix")) == (["/status"], ["/a/"])


def test_what_is_limited_may_not_be_said_anew_in_a_header_field() -> None:
    (permission,) = _policy(Rule((WEB,), ("GET",), ("/a/*",)))["permissions"]
    methods, paths = permission["andRules"]["rules"]
    names = set(found(_refused(methods), "name"))
    assert {"x-http-method-override", "x_http_method_override", "x-method_override"} < names
    assert {"x-original-url", "x_rewrite_url"} < set(found(_refused(paths), "name"))


def test_where_paths_decide_no_request_may_have_one_that_servers_read_differently() -> None:
    (permission,) = _policy(Rule((WEB,), (), ("/public/*",)))["permissions"]
    (limit,) = permission["andRules"]["rules"]
    regexes = [re.compile(each) for each in found(_refused(limit), "regex")]
    for strange in (
        "/public/..;/admin",
        "/public/%2e%2E/admin",
        "/public/%2fadmin",
        "/a\\b",
        "/%00",
        "/%0d%0ax",
        "/%7F",
        "/%252f",
        "/%2%2566",
        "/%25u002f",
        "/%u002f",
        "/%",
        "/%4",
        "/%4x",
        "/%c0%af",
        "/%e0%80%af",
        "/%f0%80%80%af",
    ):
        assert any(regex.fullmatch(strange) for regex in regexes), strange
    for plain in (
        "/public/a-b_c.txt",
        "/public/%20",
        "/public/%C3%A4",
        "/public/%E2%82%AC/%F0%9F%98%80",
        "/public/100%25",
        "/public/50%25%20off",
    ):
        assert not any(regex.fullmatch(plain) for regex in regexes), plain


def test_a_limit_that_a_connection_could_not_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot tell requests apart"):
        authorization.network_filters("inbound_0", [Rule((WEB,), ("GET",))])


def test_connections_are_counted_by_what_refused_them() -> None:
    one_id, allowed = _configs(authorization.network_filters("inbound_0", [Rule((WEB,))]))
    assert (one_id["statPrefix"], allowed["statPrefix"]) == ("inbound_0_one_id_", "inbound_0_")
