from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.bootstrap_reading import found
from support.sidecar_sample import INBOUND, OUTBOUND, PARTNER, SIDECAR, WEB

from accredit.envoy.bootstrap import to_json, to_yaml
from accredit.envoy.peers import Rule


@pytest.mark.parametrize(
    "sidecar",
    [
        SIDECAR,
        replace(SIDECAR, delta=False),
        replace(SIDECAR, inbound=()),
        replace(SIDECAR, outbound=()),
        replace(SIDECAR, inbound=(replace(INBOUND, allow=(Rule((WEB, PARTNER)),)),)),
    ],
    ids=["delta", "sotw", "outbound only", "inbound only", "two trust domains"],
)
def test_a_real_envoy_accepts_what_is_generated(tmp_path: Path, sidecar: Any) -> None:
    file = tmp_path / "bootstrap.json"
    file.write_text(to_json(sidecar))
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", file], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_every_secret_comes_from_one_and_the_same_source() -> None:
    sources = found(json.loads(to_json(SIDECAR)), "sds_config")
    assert len(sources) == 4
    assert len({json.dumps(source, sort_keys=True) for source in sources}) == 1
    assert sources[0]["initial_fetch_timeout"] == "0s"
    assert sources[0]["api_config_source"]["set_node_on_first_message_only"] is True


def test_both_ends_speak_tls_13_and_never_resume() -> None:
    plain = json.loads(to_json(SIDECAR))
    versions = found(plain, "tls_params")
    assert versions == [
        {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}
    ] * len(versions)
    assert len(versions) == 2
    assert found(plain, "disable_stateless_session_resumption") == [True]
    assert found(plain, "disable_stateful_session_resumption") == [True]
    assert found(plain, "max_session_keys") == [0]
    assert found(plain, "require_client_certificate") == [True]


def test_the_admin_socket_is_the_owners_alone() -> None:
    admin = json.loads(to_json(SIDECAR))["admin"]
    assert admin["address"]["pipe"] == {"path": SIDECAR.admin_socket, "mode": 0o600}


@pytest.mark.parametrize(
    "sidecar",
    [
        replace(SIDECAR, inbound=(replace(INBOUND, allow=()),)),
        replace(SIDECAR, outbound=(replace(OUTBOUND, expect=()),)),
    ],
    ids=["inbound", "outbound"],
)
def test_a_list_of_peers_that_would_let_everyone_in_is_refused(sidecar: Any) -> None:
    with pytest.raises(ValueError, match="at least one SPIFFE ID"):
        to_json(sidecar)


@pytest.mark.parametrize("name", ["y", "N", "yes", "on", "null", "7", "0x10"])
def test_envoy_reads_every_name_in_yaml_as_text(tmp_path: Path, name: str) -> None:
    file = tmp_path / "bootstrap.yaml"
    file.write_text(to_yaml(replace(SIDECAR, name=name)))
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", file], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_the_agent_is_told_which_identity_tokens_are_to_have() -> None:
    node = json.loads(to_json(SIDECAR))["node"]
    assert node["metadata"] == {"accredit.spiffe_id": "spiffe://td.example/shop"}
    assert "metadata" not in json.loads(to_json(replace(SIDECAR, spiffe_id=None)))["node"]
