"""What a bootstrap promises: read from its text, to be compared with what its Envoy has. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

AdminAddress = str | tuple[str, int]  # the path of a pipe, or host and port


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that somebody must be able to connect to: IP and port, or a pipe and port 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Expected:
    """``secrets`` leads from the SDS name to the cluster that is asked, ``clusters`` to its socket.

    ``contexts`` is how many TLS contexts there are, ``keys`` where JWT keys are fetched, in as many
    ``fetches``. ``spire`` tells that it is a SPIRE Agent that is asked for secrets.
    """

    admin: AdminAddress
    listening: frozenset[Listening]
    secrets: Mapping[str, str]
    clusters: Mapping[str, str]
    contexts: int
    keys: frozenset[str] = frozenset()
    fetches: int = 0
    spire: bool = False


def expected(text: str) -> Expected:
    """Read a bootstrap of ours, as :func:`accredit.envoy.bootstrap.to_json` writes it.

    Raises:
        ValueError: it has no admin interface, without which nobody can tell whether it serves.
    """
    bootstrap = json.loads(text)
    admin = _admin(bootstrap.get("admin", {}).get("address", {}))
    resources = bootstrap.get("static_resources", {})
    secrets = dict(_secrets(resources))
    clusters = {each["name"]: each for each in resources.get("clusters", [])}
    asked = [each["http_uri"]["cluster"] for each in _objects(resources) if "http_uri" in each]
    return Expected(
        admin=admin,
        listening=frozenset(_listening(resources.get("listeners", []))),
        secrets=secrets,
        clusters={name: _place(clusters.get(name, {})) for name in set(secrets.values())},
        contexts=sum(1 for each in _objects(resources) if "common_tls_context" in each),
        keys=frozenset(_place(clusters.get(name, {})) for name in asked),
        fetches=len(asked),
        spire=any(each.get("api_type") == "GRPC" for each in _objects(resources)),
    )


def _admin(address: Mapping[str, Any]) -> AdminAddress:
    if pipe := address.get("pipe", {}).get("path"):
        return str(pipe)
    at = address.get("socket_address", {})
    if "address" not in at or "port_value" not in at:
        raise ValueError("the bootstrap has no admin interface")
    return str(at["address"]), int(at["port_value"])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


def _secrets(resources: Any) -> Iterator[tuple[str, str]]:
    for each in _objects(resources):
        if "sds_config" in each and "name" in each:
            services = [one for one in _objects(each["sds_config"]) if "cluster_name" in one]
            yield each["name"], services[0]["cluster_name"] if services else ""


def _listening(listeners: list[Mapping[str, Any]]) -> Iterator[Listening]:
    for each in listeners:
        if each.get("bind_to_port") is False:
            continue
        for address in (each["address"], *(one["address"] for one in _additional(each))):
            if place := _listening_at(address):
                yield place


def _additional(listener: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = listener.get("additional_addresses", [])
    return found


def _listening_at(address: Mapping[str, Any]) -> Listening | None:
    if pipe := address.get("pipe", {}).get("path"):
        return Listening(str(pipe), 0)
    at = address.get("socket_address", {})
    # Of a port that Envoy chooses, and of what is not TCP, nobody knows where to look.
    if not at.get("port_value") or at.get("protocol", "TCP") != "TCP":
        return None
    return Listening(str(ipaddress.ip_address(at["address"])), int(at["port_value"]))


def _place(cluster: Mapping[str, Any]) -> str:
    """Return the first address of a cluster, for people."""
    for each in _objects(cluster.get("load_assignment", {})):
        if pipe := each.get("pipe", {}).get("path"):
            return f"unix:{pipe}"
        if at := each.get("socket_address"):
            return f"{at.get('address')}:{at.get('port_value')}"
    return "no address"
