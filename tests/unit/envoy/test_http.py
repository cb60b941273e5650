from __future__ import annotations

import re
from typing import Any

import pytest
from support import generated
from support.bootstrap_reading import filter_names, found, listeners, manager
from support.sidecar_text import in_flow, whole


def _inbound(fields: str = "") -> dict[str, Any]:
    requests = manager(generated.mutual(fields))
    assert requests is not None
    return requests


def _outbound(fields: str = "") -> dict[str, Any]:
    requests = manager(generated.way_out(fields))
    assert requests is not None
    return requests


def test_connections_in_both_directions_end_while_their_identities_are_good() -> None:
    for requests in (_inbound(), _outbound()):
        options = requests["common_http_protocol_options"]
        assert options["max_connection_duration"] == "1800s"
        assert options["max_connection_duration_jitter"] == {"value": 10.0}
    servers = found(generated.servers(""), "common_http_protocol_options")
    assert [each["max_connection_duration"] for each in servers] == ["1800s"]


def test_no_request_into_the_app_outlives_the_callers_identity() -> None:
    assert _inbound()["common_http_protocol_options"]["max_stream_duration"] == "3600s"


def test_a_request_has_no_timeout_that_nobody_asked_for() -> None:
    for requests in (_inbound(), _outbound()):
        assert found(requests, "timeout") == ["0s"]
    assert found(_inbound("timeout: 5s")["route_config"], "timeout") == ["5s"]
    assert found(_outbound("timeout: 5s")["route_config"], "timeout") == ["5s"]


def test_only_what_did_not_reach_its_goal_is_sent_again() -> None:
    (policy,) = found(_inbound(), "retry_policy")
    assert (policy["retry_on"], policy["num_retries"]) == ("connect-failure,refused-stream", 1)
    (policy,) = found(_outbound("retries: 5"), "retry_policy")
    assert policy["num_retries"] == 5
    assert not {"5xx", "gateway-error", "reset"} & set(policy["retry_on"].split(","))


def test_no_retries_are_none() -> None:
    assert found(_outbound("retries: 0"), "num_retries") == [0]


def test_requests_pass_unchanged_but_for_what_is_dangerous() -> None:
    for requests in (_inbound(), _outbound()):
        assert requests["server_header_transformation"] == "PASS_THROUGH"
        assert requests["preserve_external_request_id"] is True
        assert found(requests, "suppress_envoy_headers") == [True]
        assert requests["upgrade_configs"] == [{"upgrade_type": "websocket"}]
        assert requests["http2_protocol_options"] == {"allow_connect": True}
        assert requests["http_protocol_options"]["accept_http_10"] is True


@pytest.mark.parametrize("paths", [True, False])
def test_where_paths_decide_they_are_compared_as_the_app_reads_them(paths: bool) -> None:
    limit = "paths: /a" if paths else "methods: GET"
    requests = _inbound(f"allow: {{id: /web, {limit}}}")
    assert requests.get("normalize_path", False) == paths
    assert ("merge_slashes" in requests) == paths
    action = requests.get("path_with_escaped_slashes_action")
    assert action == ("REJECT_REQUEST" if paths else None)


def test_the_app_hears_of_who_calls_from_the_sidecar_alone() -> None:
    listener = generated.listener("mode: permissive, until: 2026-12-01")
    for chain in listener["filter_chains"]:
        requests = manager(chain)
        assert requests is not None
        assert requests["forward_client_cert_details"] == "SANITIZE_SET"
        assert requests["set_current_client_cert_details"] == {"uri": True}
        removed = requests["route_config"]["request_headers_to_remove"]
        assert len({name for name in removed if name.endswith("cert")}) == 7
        assert "x_forwarded_client_cert" in removed
        assert "x-forwarded-client-cert" not in removed  # Envoy's own doing
        (removal,) = found(requests, "request_trailers_mutations")
        regex = re.compile(found(removal, "regex")[0])
        for name in ("x-forwarded-client-cert", "x_forwarded_client-cert", "x-envoy-internal"):
            assert regex.fullmatch(name)
        assert not regex.fullmatch("x-sum")


def test_neither_a_caller_nor_the_app_steers_this_envoy() -> None:
    for requests in (_inbound(), _outbound()):
        assert requests["use_remote_address"] is True
        assert requests["skip_xff_append"] is True
        (nobody,) = requests["internal_address_config"]["cidr_ranges"]
        assert (nobody["address_prefix"], nobody["prefix_len"]) == ("0.0.0.0", 32)


def test_an_identity_that_the_app_forges_goes_nowhere() -> None:
    # Envoy's default, 0, is to sanitise.
    assert "forward_client_cert_details" not in _outbound()


def test_routes_lead_to_the_cluster_of_the_same_name() -> None:
    listener = listeners(generated.of(whole(in_flow(""))))["inbound_0"]
    assert found(listener, "cluster") == ["inbound_0"]
    assert filter_names(listener["filter_chains"][0]) == [
        "rbac",
        "rbac",
        "header_mutation",
        "router",
    ]
