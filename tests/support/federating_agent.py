"""A real agent that federates with one partner."""

from __future__ import annotations

from pathlib import Path

from accredit.agent.client import WorkloadApiClient
from accredit.identity.bundle import encode_bundle
from accredit.identity.clock import Clock
from accredit.identity.trust_bundle import TrustBundle
from accredit.workload_api.endpoint import UnixEndpoint
from support.agent_process import AgentProcess

FEDERATION = """\
federation:
  refresh_min: 1s
  relationships:
    - trust_domain: partner.example
      url: {url}
      profile: https_spiffe
      endpoint_spiffe_id: spiffe://partner.example/bundle-endpoint
      bootstrap_bundle: bootstrap.json
"""


def write_bootstrap(folder: Path, bundle: TrustBundle) -> None:
    """Give an agent in ``folder`` what it trusts of its partner at first."""
    path = folder / "bootstrap.json"
    path.write_bytes(encode_bundle(bundle))
    path.chmod(0o600)


def client_of(agent: AgentProcess, clock: Clock) -> WorkloadApiClient:
    return WorkloadApiClient(UnixEndpoint(str(agent.socket)), clock)
