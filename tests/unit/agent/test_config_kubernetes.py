from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from accredit.agent.config_kubernetes import KubernetesAttestor
from accredit.agent.config_sections import Attestation
from accredit.attestation.kubernetes.settings import KubernetesSettings


@pytest.fixture(autouse=True)
def _on_a_plain_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MY_NODE_NAME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_an_empty_section_is_what_the_room_does_by_itself() -> None:
    assert KubernetesAttestor().settings() == KubernetesSettings()


def test_everything_the_room_can_be_told_is_in_the_section() -> None:
    names = {field.name for field in dataclasses.fields(KubernetesSettings)}
    assert names == set(KubernetesAttestor.model_fields) - {"node_name_env"}


def test_every_field_says_what_it_is_for() -> None:
    for name, field in KubernetesAttestor.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_the_name_of_the_node_comes_from_the_environment_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_NODE_NAME", "node-1")
    monkeypatch.setenv("OTHER", "node-2")
    assert KubernetesAttestor().settings().node_name == "node-1"
    assert KubernetesAttestor(node_name_env="OTHER").settings().node_name == "node-2"
    assert KubernetesAttestor(node_name="node-3").settings().node_name == "node-3"
    monkeypatch.setenv("MY_NODE_NAME", "")
    assert KubernetesAttestor().settings().node_name is None


@pytest.mark.parametrize(
    ("host", "url"),
    [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")],
)
def test_the_api_server_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert KubernetesAttestor().settings().api_server == url
    given = KubernetesAttestor(api_server="https://api.example")
    assert given.settings().api_server == "https://api.example"


@pytest.mark.parametrize(
    "given",
    [
        {"address": "10.0.0.1"},
        {"address": "fd00::1"},
        {"node_name": "ip-10-0-0-1.eu-west-1.compute.internal"},
        {"api_server": "https://[fd00::1]:6443"},
        {"api_server": "https://api.example:6443/"},
    ],
)
def test_hosts_may_have_names_and_addresses(given: dict[str, Any]) -> None:
    assert dict(KubernetesAttestor(**given)).items() >= given.items()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MY_NODE_NAME", "no node"),
        ("KUBERNETES_SERVICE_HOST", "a/b"),
        ("KUBERNETES_SERVICE_PORT", "tcp://10.0.0.1:443"),
    ],
)
def test_nonsense_in_the_environment_is_a_mistake_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=f"{name[:12]}.* in the environment: expected a"):
        KubernetesAttestor()


def test_every_path_begins_at_the_folder_of_the_file() -> None:
    given = KubernetesAttestor(ca_file=Path("ca.crt"), token_file=Path("/abs/token"))
    found = Attestation(k8s=given).at(Path("/etc/accredit")).k8s
    assert found is not None
    assert (found.ca_file, found.token_file) == (Path("/etc/accredit/ca.crt"), Path("/abs/token"))
    assert found.certificate_file is None
    assert Attestation().at(Path("/etc/accredit")).k8s is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"certificate_file": Path("a")}, "certificate_file and private_key_file go together"),
        ({"private_key_file": Path("a")}, "certificate_file and private_key_file go together"),
        (
            {"anonymous": True, "certificate_file": Path("a"), "private_key_file": Path("b")},
            "anonymous shows no certificate_file",
        ),
        ({"read_only_port": 10255, "port": 10250}, "read_only_port has no TLS; leave out port"),
        (
            {"read_only_port": 10255, "anonymous": True, "node_name": "a"},
            "leave out anonymous, node_name",
        ),
        ({"port": 0}, "greater than or equal to 1"),
        ({"address": "https://node"}, "expected a host name or an IP address"),
        ({"address": "a b"}, "expected a host name"),
        ({"node_name": "node:1/"}, "expected a host name"),
        ({"node_name": ".node"}, "expected a host name"),
        ({"node_name": "n\u00f6de"}, "expected a host name"),
        ({"node_name": "a" * 64}, "expected a host name"),
        ({"node_name": "a." * 127 + "a"}, "expected a host name"),
        ({"address": "fe80::1::2"}, "expected a host name"),
        ({"api_server": "http://api.example"}, "expected a URL without a path"),
        ({"api_server": "https://api.example/v1"}, "expected a URL without a path"),
        ({"api_server": "https://api.example:port"}, "expected a URL without a path"),
        ({"api_server": "api.example"}, "expected a URL without a path"),
        ({"api_server": "https://me:secret@api.example"}, "expected a URL without a path"),
        ({"api_server": "https://api.example:0"}, "expected a URL without a path"),
        ({"api_server": "https://[::1"}, "expected a URL without a path"),
        ({"api_server": "https://api.example?a"}, "expected a URL without a path"),
        ({"api_server": "https://-a"}, "expected a URL without a path"),
    ],
)
def test_what_contradicts_itself_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        KubernetesAttestor(**given)


def test_an_empty_key_does_not_leave_it_off_in_silence() -> None:
    with pytest.raises(ValidationError, match="switches it on with every default"):
        Attestation.model_validate({"k8s": None})
    assert Attestation.model_validate({"k8s": {}}).k8s == KubernetesAttestor()
    assert Attestation().k8s is None
