"""The section of the configuration about the pods of this node."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from accredit.agent.config_types import Bytes, Duration, FilePath, Section, Switch, Text, Unit
from accredit.attestation.kubernetes.settings import KubernetesSettings

_DEFAULTS = KubernetesSettings()
_PATHS = ("ca_file", "token_file", "certificate_file", "private_key_file", "api_ca_file")
_OF_TLS = ("port", "ca_file", "skip_verification", "certificate_file", "anonymous", "node_name")


_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII)


def _host(value: str) -> str:
    if not _NAME.fullmatch(value):
        try:
            ip_address(value)
        except ValueError:
            text = "expected a host name or an IP address, without a port"
            raise ValueError(text) from None
    return value


def _https(value: str) -> str:
    if not _is_plain(value):
        # Not the value, which may hold a password.
        raise ValueError("expected a URL without a path, such as https://10.0.0.1:6443")
    return value


def _is_plain(value: str) -> bool:
    try:
        url = urlsplit(value)
        _host(url.hostname or "")
        return value.rstrip("/") == f"https://{url.netloc}" and "@" not in value and url.port != 0
    except ValueError:
        return False


Host = Annotated[Text, AfterValidator(_host)]
HttpsUrl = Annotated[str, AfterValidator(_https), Unit("https URL")]
Port = Annotated[int, Field(ge=1, le=65535), Unit("port")]


class KubernetesAttestor(Section):
    """Selectors `k8s:...` of the pod a caller runs in, which the kubelet of this node tells.

    `k8s: {}` switches it on. It is made for an agent that is a DaemonSet with `hostPID`, and takes
    its service account; see `docs/attestation.md` for the rights it needs. Needs
    `pip install 'accredit[kubernetes]'`.
    """

    address: Host = Field(
        default=_DEFAULTS.address,
        description="Where the kubelet is. The default needs `hostNetwork`.",
    )
    port: Port = Field(default=_DEFAULTS.port, description="Its port for TLS.")
    read_only_port: Port | None = Field(
        default=_DEFAULTS.read_only_port,
        description="Its port without TLS, such as 10255, in place of the other; whoever has that "
        "port while the kubelet is down decides who gets which identity.",
    )
    node_name: Host | None = Field(
        default=_DEFAULTS.node_name,
        description="The name that its certificate must have. Default: what the environment has "
        "under `node_name_env`; without that the chain is verified and the name is not.",
    )
    node_name_env: Text = Field(
        default="MY_NODE_NAME", description="Environment variable with the name of the node."
    )
    ca_file: FilePath = Field(
        default=_DEFAULTS.ca_file,
        description="Authorities that its certificate is verified with, in PEM.",
    )
    skip_verification: Switch = Field(
        default=_DEFAULTS.skip_verification,
        description="Take any certificate, for kubelets that sign their own. Whoever has the port "
        "while the kubelet is down then gets the token and decides who gets which identity.",
    )
    token_file: FilePath = Field(
        default=_DEFAULTS.token_file,
        description="Token shown to it and to the API server; read again for each request.",
    )
    certificate_file: FilePath | None = Field(
        default=_DEFAULTS.certificate_file,
        description="Client certificate in PEM to show in place of the token; read again for each "
        "request.",
    )
    private_key_file: FilePath | None = Field(
        default=_DEFAULTS.private_key_file, description="Its key in PEM, unencrypted."
    )
    anonymous: Switch = Field(default=_DEFAULTS.anonymous, description="Show nothing.")
    timeout: Duration = Field(
        default=_DEFAULTS.timeout, description="How long one answer of the kubelet may take."
    )
    max_bytes: Bytes = Field(
        default=_DEFAULTS.max_bytes, description="Answers larger than this are not read."
    )
    patience: Duration = Field(
        default=_DEFAULTS.patience,
        description="How long a caller's first answer waits for a container that the kubelet does "
        "not list yet. Later it is looked for again, and open streams follow.",
    )
    kept: Duration = Field(
        default=_DEFAULTS.kept,
        description="How old a list of pods may be that still answers for the containers in it.",
    )
    container_selectors: Switch = Field(
        default=_DEFAULTS.container_selectors,
        description="Give `k8s:container-name` and `k8s:container-image`, and wait for the "
        "container to be listed. Switched off, to know the pod is enough.",
    )
    namespace_labels: Switch = Field(
        default=_DEFAULTS.namespace_labels,
        description="Give `k8s:ns-label`. Asks the API server, which must let the service account "
        "get namespaces.",
    )
    api_server: HttpsUrl = Field(
        default=_DEFAULTS.api_server,
        description="Default: what `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` say, "
        "or `https://kubernetes.default.svc`.",
    )
    api_ca_file: FilePath = Field(
        default=_DEFAULTS.api_ca_file, description="Authorities of the API server, in PEM."
    )

    @model_validator(mode="after")
    def _ways_differ(self) -> Self:
        if (self.certificate_file is None) != (self.private_key_file is None):
            raise ValueError("certificate_file and private_key_file go together")
        if self.anonymous and self.certificate_file:
            raise ValueError("anonymous shows no certificate_file; leave one of them out")
        self.settings()  # the environment may hold nonsense, too
        if self.read_only_port:
            others = [each for each in _OF_TLS if each in self.model_fields_set]
            if others:
                raise ValueError(f"read_only_port has no TLS; leave out {', '.join(others)}")
        return self

    def settings(self) -> KubernetesSettings:
        """Return what the attestor takes; what this leaves open, the environment may say."""
        fields: dict[str, Any] = dict(self)
        variable = fields.pop("node_name_env")
        if self.node_name is None and (name := os.environ.get(variable)):
            fields["node_name"] = _in_environment(variable, _host, name)
        if "api_server" not in self.model_fields_set:
            fields["api_server"] = _api_server()
        return KubernetesSettings(**fields)

    def at(self, folder: Path) -> Self:
        """Return it with every path beginning at ``folder``."""
        paths = {name: getattr(self, name) for name in _PATHS}
        return self.model_copy(
            update={name: path and folder / path for name, path in paths.items()}
        )


def _api_server() -> str:
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        return _DEFAULTS.api_server
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return _in_environment("KUBERNETES_SERVICE_HOST or _PORT", _https, url)


def _in_environment(variable: str, check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{variable} in the environment: {error}") from None
