from __future__ import annotations

import pytest
from support import generated
from support.bootstrap_reading import found


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("http", "http_protocol_options"),
        ("http2", "http2_protocol_options"),
        ("grpc", "http2_protocol_options"),
    ],
)
def test_an_app_is_spoken_to_in_its_own_protocol(protocol: str, options: str) -> None:
    (config,) = found(generated.app(f"protocol: {protocol}"), "explicit_http_config")
    assert list(config) == [options]


@pytest.mark.parametrize("protocol", ["http2", "grpc"])
def test_servers_of_http2_are_spoken_to_in_http2(protocol: str) -> None:
    (config,) = found(generated.servers(f"protocol: {protocol}"), "explicit_http_config")
    assert "http2_protocol_options" in config


def test_servers_of_http_choose_which_one_it_is() -> None:
    assert found(generated.servers(""), "auto_config")


def test_connections_of_no_http_have_no_options() -> None:
    for cluster in (generated.app("protocol: tcp"), generated.servers("protocol: tcp")):
        assert "typed_extension_protocol_options" not in cluster


def test_only_servers_are_behind_tls() -> None:
    assert "transport_socket" not in generated.app("")
    assert "transport_socket" in generated.servers("")


def test_of_several_servers_those_that_fail_are_left_out_for_a_while() -> None:
    assert "outlier_detection" not in generated.servers("to: a:1")
    assert generated.servers("to: [a:1, b:1]")["outlier_detection"]["max_ejection_percent"] == 50


def test_a_sidecar_does_not_bound_the_apps_load() -> None:
    (thresholds,) = found(generated.app(""), "thresholds")[0]
    assert set(thresholds.values()) == {2**32 - 1}


@pytest.mark.parametrize(
    ("protocol", "codec", "alpn"),
    [("http", "HTTP1", "http/1.1"), ("http2", "HTTP2", "h2"), ("grpc", "HTTP2", "h2")],
)
def test_a_check_agrees_in_tls_on_the_http_that_it_speaks(
    protocol: str, codec: str, alpn: str
) -> None:
    fields = f"protocol: {protocol}, health_check: {{path: /healthz, interval: 7s, timeout: 3s}}"
    (check,) = generated.servers(fields)["health_checks"]
    assert check["http_health_check"]["path"] == "/healthz"
    assert check["http_health_check"].get("codec_client_type", "HTTP1") == codec
    assert check["tls_options"] == {"alpn_protocols": [alpn]}
    assert (check["interval"], check["no_traffic_interval"], check["timeout"]) == ("7s", "7s", "3s")


def test_bad_addresses_are_left_out_until_none_is_left() -> None:
    for cluster in (generated.app(""), generated.servers("to: [a:1, b:1]")):
        assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 1.0}}


def test_without_a_path_a_connection_is_tried() -> None:
    (check,) = generated.app("protocol: tcp, health_check: {}")["health_checks"]
    assert check["tcp_health_check"] == {}
