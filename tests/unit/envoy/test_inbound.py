from __future__ import annotations

import pytest
from support import generated
from support.bootstrap_reading import filter_names, found

_PERMISSIVE = "mode: permissive, until: 2026-12-01"


def test_a_strict_inbound_speaks_mutual_tls_alone() -> None:
    listener = generated.listener("")
    (chain,) = listener["filter_chains"]
    assert chain["name"] == "mtls"
    assert "transport_socket" in chain
    assert not {"filter_chain_match", "listener_filters"} & {*chain, *listener}


@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_a_permissive_one_tells_plaintext_apart(protocol: str) -> None:
    listener = generated.listener(f"{_PERMISSIVE}, protocol: {protocol}")
    mutual, plain = listener["filter_chains"]
    assert mutual["filter_chain_match"] == {"transport_protocol": "tls"}
    assert plain["filter_chain_match"] == {"transport_protocol": "raw_buffer"}
    assert "transport_socket" not in plain
    assert found(mutual["filters"], "security") == ["mtls"]
    assert found(plain["filters"], "security") == ["plaintext"]
    stats = [found(chain["filters"][-1], "stat_prefix")[0] for chain in (mutual, plain)]
    assert stats == ["inbound_0", "inbound_0_plaintext"]


def test_a_plain_client_that_waits_for_the_server_to_speak_is_served() -> None:
    listener = generated.listener(f"{_PERMISSIVE}, protocol: tcp")
    assert found(listener["listener_filters"], "name") == ["envoy.filters.listener.tls_inspector"]
    assert listener["continue_on_listener_filters_timeout"] is True
    assert listener["listener_filters_timeout"] == "2s"


def test_a_client_of_http_has_as_long_for_its_first_byte_as_for_a_handshake() -> None:
    assert generated.listener(_PERMISSIVE)["listener_filters_timeout"] == "15s"


def test_a_handshake_that_does_not_end_is_ended() -> None:
    assert generated.mutual("")["transport_socket_connect_timeout"] == "15s"


def test_checks_come_first_and_plaintext_has_nobody_to_check() -> None:
    for protocol, last in (("http", ["header_mutation", "router"]), ("tcp", ["tcp_proxy"])):
        fields = f"{_PERMISSIVE}, protocol: {protocol}"
        mutual, plain = generated.listener(fields)["filter_chains"]
        assert filter_names(mutual) == ["rbac", "rbac", *last]
        assert filter_names(plain) == last


def test_a_token_is_demanded_of_plaintext_too() -> None:
    fields = f"{_PERMISSIVE}, jwt: {{audience: a}}"
    mutual, plain = generated.listener(fields)["filter_chains"]
    demanded = ["jwt_authn", "rbac", "header_mutation", "router"]
    assert filter_names(mutual) == ["rbac", "rbac", *demanded]
    assert filter_names(plain) == demanded


def test_who_is_refused_by_tls_is_logged_by_the_listener() -> None:
    (log,) = generated.listener("")["access_log"]
    assert "refused" in found(log, "json_format")[0]
