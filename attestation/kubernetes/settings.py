"""What the ``k8s`` attestor can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """Where the kubelet is, how it is verified, and how we show who we are.

    ``node_name`` is the name its certificate must have; without one only the chain is verified.
    ``read_only_port`` speaks HTTP, and everything about TLS and credentials is then unused. A
    client certificate goes before the token. ``patience`` is how long a first answer waits for a
    container that the kubelet does not list yet, ``kept`` how old a list may be that answers.
    """

    address: str = "127.0.0.1"
    port: int = 10250
    read_only_port: int | None = None
    node_name: str | None = None
    ca_file: Path = _ACCOUNT / "ca.crt"
    skip_verification: bool = False
    token_file: Path = _ACCOUNT / "token"
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    anonymous: bool = False
    timeout: timedelta = timedelta(seconds=10)
    max_bytes: int = 64 << 20
    patience: timedelta = timedelta(seconds=3)
    kept: timedelta = timedelta(seconds=5)
    container_selectors: bool = True
    namespace_labels: bool = False
    api_server: str = "https://kubernetes.default.svc"
    api_ca_file: Path = _ACCOUNT / "ca.crt"
