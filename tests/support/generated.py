"""Bootstraps of short sidecar files, as Envoy reads them."""

from __future__ import annotations

import json
from typing import Any

from accredit.envoy.bootstrap import to_json
from accredit.envoy.sidecar import Profile
from support.bootstrap_reading import clusters, listeners
from support.sidecar_text import in_flow, out_flow, read, whole


def of(text: str, profile: Profile = Profile.ACCREDIT) -> dict[str, Any]:
    """Return the bootstrap of a whole file."""
    plain: dict[str, Any] = json.loads(to_json(read(text, profile)))
    return plain


def listener(fields: str, profile: Profile = Profile.ACCREDIT) -> dict[str, Any]:
    """Return the listener of an inbound with these fields."""
    return listeners(of(whole(in_flow(fields)), profile))["inbound_0"]


def mutual(fields: str) -> dict[str, Any]:
    """Return the filter chain that callers with a certificate take into such an inbound."""
    chain: dict[str, Any] = listener(fields)["filter_chains"][0]
    return chain


def app(fields: str) -> dict[str, Any]:
    """Return the cluster that is the app behind such an inbound."""
    return clusters(of(whole(in_flow(fields))))["inbound_0"]


def way_out(fields: str) -> dict[str, Any]:
    """Return the filter chain that the app takes to an outbound with these fields."""
    chain: dict[str, Any] = listeners(of(whole(out_flow(fields))))["outbound_0"]["filter_chains"][0]
    return chain


def servers(fields: str, profile: Profile = Profile.ACCREDIT) -> dict[str, Any]:
    """Return the cluster that such an outbound leads to."""
    return clusters(of(whole(out_flow(fields)), profile))["outbound_0"]
