"""Looks for things in a bootstrap, or in any part of one, as Envoy reads it."""

from __future__ import annotations

from typing import Any


def found(node: Any, key: str) -> list[Any]:
    """Return every value under ``key``, however deep."""
    if isinstance(node, list):
        return [value for item in node for value in found(item, key)]
    if not isinstance(node, dict):
        return []
    here = [node[key]] if key in node else []
    return here + [value for item in node.values() for value in found(item, key)]


def listeners(bootstrap: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the listeners by name."""
    return {each["name"]: each for each in bootstrap["static_resources"].get("listeners", [])}


def clusters(bootstrap: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the clusters by name."""
    return {each["name"]: each for each in bootstrap["static_resources"]["clusters"]}


def manager(chain: dict[str, Any]) -> dict[str, Any] | None:
    """Return what carries the requests of a filter chain; None if it carries connections."""
    last: dict[str, Any] = chain["filters"][-1]
    return last["typed_config"] if last["name"].endswith("http_connection_manager") else None


def filter_names(chain: dict[str, Any]) -> list[str]:
    """Return what requests, or else connections, pass in this order."""
    of_requests = manager(chain)
    filters = of_requests["http_filters"] if of_requests else chain["filters"]
    return [each["name"].rpartition(".")[2] for each in filters]
