"""What the configuration comes to: one plain value for each room, nothing left to check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.limits import Limits
from accredit.agent.logs import Format
from accredit.agent.metrics.settings import MetricsSettings
from accredit.agent.output_plan import OutputPlan
from accredit.attestation.containers.runtime import Runtimes
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.attestation.unix import UnixSettings
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.entry_files import EntryFiles
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.settings import RotationSettings
from accredit.sds_server.settings import SdsSettings
from accredit.workload_api.settings import WorkloadApiSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """Paths are absolute; a service that is None is switched off."""

    trust_domain: TrustDomain
    data_dir: Path
    socket: Path
    admin_socket: Path
    entry_files: EntryFiles
    embedded: EmbeddedSettings
    tpm_device: str
    federation: FederationSettings
    endpoint: EndpointSettings | None
    unix: UnixSettings
    containers: Runtimes
    k8s: KubernetesSettings | None
    linux: LinuxSettings | None
    systemd: SystemdSettings | None
    plugins: tuple[PluginSettings, ...]
    rotation: RotationSettings
    workload_api: WorkloadApiSettings | None
    sds: SdsSettings | None
    jwks_socket: Path
    jwks: Limits | None
    allow_unauthenticated_verifiers: bool
    outputs: tuple[OutputPlan, ...]
    metrics: MetricsSettings | None
    limits: Limits
    log_level: str
    log_format: Format
