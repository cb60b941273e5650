from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.sidecar_sample import SIDECAR

from accredit.envoy import access_log
from accredit.envoy.sidecar import Sidecar
from accredit.envoy.way import Security, Way

_WAY = Way("inbound_0", Security.PLAINTEXT)


def _fields(sidecar: Sidecar = SIDECAR) -> dict[str, Any]:
    config = access_log.of_requests(sidecar, _WAY).to_dict()["typedConfig"]
    return dict(config["logFormat"]["jsonFormat"])


def test_a_request_is_logged_with_both_ids_and_how_its_sender_is_known() -> None:
    fields = _fields()
    assert (fields["listener"], fields["security"]) == ("inbound_0", "plaintext")
    assert fields["caller"] == "%DOWNSTREAM_PEER_URI_SAN%"
    assert fields["self"] == "%DOWNSTREAM_LOCAL_URI_SAN%"
    assert fields["server"] == "%UPSTREAM_PEER_URI_SAN%"


def test_a_query_and_a_credential_never_reach_the_log() -> None:
    fields = _fields()
    assert fields["path"] == "%PATH(NQ)%"
    text = " ".join(fields.values()).upper()
    assert not any(secret in text for secret in ("(AUTHORIZATION)", "COOKIE", "%REQ(:PATH)%"))


def test_a_connection_is_logged_without_what_only_requests_have() -> None:
    log = access_log.of_connections(SIDECAR, _WAY).to_dict()
    fields = log["typedConfig"]["logFormat"]["jsonFormat"]
    assert "caller" in fields
    assert not {"method", "path", "status"} & fields.keys()


def test_who_is_refused_by_tls_is_logged_alone() -> None:
    log = access_log.of_refusals(SIDECAR, _WAY).to_dict()
    expression = log["filter"]["extensionFilter"]["typedConfig"]["expression"]
    assert expression == "has(connection.transport_failure_reason)"
    assert "refused" in log["typedConfig"]["logFormat"]["jsonFormat"]


def test_it_goes_to_standard_output_unless_a_file_is_named() -> None:
    assert access_log.of_requests(SIDECAR, _WAY).name == "envoy.access_loggers.stdout"
    to_file = access_log.of_requests(replace(SIDECAR, access_log="/var/log/a"), _WAY).to_dict()
    assert to_file["name"] == "envoy.access_loggers.file"
    assert to_file["typedConfig"]["path"] == "/var/log/a"


def test_further_fields_come_beside_the_others() -> None:
    fields = _fields(replace(SIDECAR, log_fields={"tenant": "%REQ(X-TENANT)%"}))
    assert fields["tenant"] == "%REQ(X-TENANT)%"
    assert fields.keys() > {"caller"}
