from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support import generated
from support.bootstrap_reading import found
from support.sidecar_sample import INBOUND, OUTBOUND, SIDECAR

from accredit.envoy import tls


def _context(of: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = of["transport_socket"]["typed_config"]
    return context


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_ends_reach_up_to_tls_13(version: str) -> None:
    for at in (generated.mutual, generated.servers):
        (versions,) = found(_context(at(f"min_tls: {version}")), "tls_params")
        assert versions == {
            "tls_minimum_protocol_version": f"TLSv{version.replace('.', '_')}",
            "tls_maximum_protocol_version": "TLSv1_3",
        }


def test_a_caller_needs_a_certificate_each_time() -> None:
    context = _context(generated.mutual(""))
    assert context["require_client_certificate"] is True
    assert context["disable_stateless_session_resumption"] is True
    assert context["disable_stateful_session_resumption"] is True


def test_a_server_is_asked_for_its_certificate_each_time() -> None:
    assert _context(generated.servers(""))["max_session_keys"] == 0


@pytest.mark.parametrize(
    ("protocol", "alpn"),
    [("http", ["h2", "http/1.1"]), ("http2", ["h2"]), ("grpc", ["h2"]), ("tcp", None)],
)
def test_tls_agrees_on_the_http_that_the_app_speaks(protocol: str, alpn: Any) -> None:
    for at in (generated.mutual, generated.servers):
        common = _context(at(f"protocol: {protocol}"))["common_tls_context"]
        assert common.get("alpn_protocols") == alpn


def test_whom_to_accept_is_said_here_and_the_bundle_comes_from_the_agent() -> None:
    (validation,) = found(
        _context(generated.mutual("allow: [/a, /b/*]")), "combined_validation_context"
    )
    sans = validation["default_validation_context"]["match_typed_subject_alt_names"]
    assert [each["matcher"] for each in sans] == [
        {"exact": "spiffe://own.example/a"},
        {"prefix": "spiffe://own.example/b/"},
    ]
    assert validation["validation_context_sds_secret_config"]["name"] == "spiffe://own.example"


def test_whoever_accepts_nobody_would_accept_everybody_and_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one SPIFFE ID"):
        tls.downstream(SIDECAR, replace(INBOUND, allow=()))
    with pytest.raises(ValueError, match="at least one SPIFFE ID"):
        tls.upstream(SIDECAR, replace(OUTBOUND, expect=()))
