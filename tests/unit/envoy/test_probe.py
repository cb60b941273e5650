from __future__ import annotations

from typing import Any

from support import generated
from support.bootstrap_reading import filter_names, found, listeners, manager
from support.sidecar_text import in_flow, whole


def _listener() -> dict[str, Any]:
    fields = "probe: {listen: 0.0.0.0:8081, paths: [/healthz, /]}"
    return listeners(generated.of(whole(in_flow(fields))))["inbound_0_probe"]


def test_it_is_plain_and_at_its_own_port() -> None:
    listener = _listener()
    assert found(listener["address"], "port_value") == [8081]
    (chain,) = listener["filter_chains"]
    assert "transport_socket" not in chain
    assert filter_names(chain) == ["header_mutation", "router"]


def test_it_lets_nothing_through_but_reading_its_paths() -> None:
    requests = manager(_listener()["filter_chains"][0])
    assert requests is not None
    (host,) = requests["route_config"]["virtual_hosts"]
    assert [each["match"]["path"] for each in host["routes"]] == ["/healthz", "/"]
    assert found(host, "regex") == ["GET|HEAD"] * 2
    assert found(host, "cluster") == ["inbound_0"] * 2
    assert requests["normalize_path"] is True


def test_it_waits_for_nobody_and_trusts_nobody() -> None:
    requests = manager(_listener()["filter_chains"][0])
    assert requests is not None
    assert requests["request_headers_timeout"] == "30s"
    assert requests["http_protocol_options"]["accept_http_10"] is True  # as HAProxy's checks are
    assert requests["use_remote_address"] is True
    assert requests["forward_client_cert_details"] == "SANITIZE_SET"


def test_what_comes_this_way_is_logged_as_a_probe() -> None:
    assert found(_listener(), "security") == ["probe"]
