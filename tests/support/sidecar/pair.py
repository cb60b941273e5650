"""The usual two sidecars: plain to the caller's, mutual TLS, and the app behind the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from accredit.envoy.address import Address, Endpoint
from accredit.envoy.sidecar import Profile, Protocol
from support.envoy_process import EnvoyProcess
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port


@dataclass(frozen=True)
class Pair:
    """``front`` is where the calling app connects, ``mtls`` where the other sidecar listens."""

    front: Endpoint
    mtls: Endpoint
    caller: EnvoyProcess
    server: EnvoyProcess


@contextlib.contextmanager
def running(
    world: World,
    name: str,
    app: Address,
    *,
    protocol: Protocol = Protocol.HTTP,
    allow: str = FRONTEND,
    caller: str = FRONTEND,
    inbound: str = "",
    outbound: str = "",
    listen: Endpoint | None = None,
    profile: Profile = Profile.ACCREDIT,
) -> Iterator[Pair]:
    """Run both; ``inbound`` and ``outbound`` are further lines of the two files."""
    front, mtls = free_port(), listen or free_port()
    server_text = f"""
sidecar:
  spiffe_id: {APP}
  inbound:
    - listen: "{mtls}"
      app: "{app}"
      protocol: {protocol.value}
      allow: [{allow}]
{inbound}"""
    caller_text = f"""
sidecar:
  spiffe_id: {caller}
  outbound:
    - listen: "{front}"
      to: "{mtls}"
      expect: {APP}
      protocol: {protocol.value}
{outbound}"""
    with (
        world.sidecar(f"{name}-server", server_text, profile) as server_envoy,
        world.sidecar(f"{name}-caller", caller_text, profile) as caller_envoy,
    ):
        yield Pair(front, mtls, caller_envoy, server_envoy)
