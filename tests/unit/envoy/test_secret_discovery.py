from __future__ import annotations

from dataclasses import replace

import pytest
from support import generated
from support.bootstrap_reading import clusters, found
from support.sidecar_sample import PARTNER, SIDECAR, WEB
from support.sidecar_text import whole

from accredit.envoy.peers import Peer
from accredit.envoy.secret_discovery import bundles, secret
from accredit.envoy.sidecar import Profile, Sidecar

_SPIRE = replace(SIDECAR, profile=Profile.SPIRE)
_EVERYBODY = Peer(None, below=True)


@pytest.mark.parametrize(
    ("sidecar", "peers", "name"),
    [
        (SIDECAR, [WEB], "spiffe://td.example"),
        (SIDECAR, [WEB, PARTNER, WEB], "spiffe://partner.example,spiffe://td.example"),
        (SIDECAR, [WEB, _EVERYBODY], "ALL"),
        (_SPIRE, [PARTNER], "spiffe://partner.example"),
        (_SPIRE, [WEB, PARTNER], "ALL"),
    ],
)
def test_a_bundle_is_of_those_who_are_named_where_the_agent_can(
    sidecar: Sidecar, peers: list[Peer], name: str
) -> None:
    assert bundles(sidecar, peers) == name
    assert bundles(sidecar, reversed(peers)) == name


def test_envoy_waits_for_secrets_as_long_as_it_takes_and_comes_back_soon() -> None:
    source = secret(SIDECAR, "default").to_dict()["sdsConfig"]
    assert source["initialFetchTimeout"] == "0s"
    assert source["apiConfigSource"]["setNodeOnFirstMessageOnly"] is True
    assert found(source, "retryBackOff") == [{"baseInterval": "0.100s", "maxInterval": "1s"}]


def test_spire_which_attests_for_each_try_is_asked_less_often() -> None:
    source = secret(_SPIRE, "default").to_dict()
    assert found(source, "retryBackOff") == [{"baseInterval": "0.100s", "maxInterval": "5s"}]


@pytest.mark.parametrize(
    ("sidecar", "kind"),
    [
        (SIDECAR, "DELTA_GRPC"),
        (replace(SIDECAR, delta=False), "GRPC"),
        (_SPIRE, "GRPC"),
    ],
)
def test_spire_is_not_asked_for_differences(sidecar: Sidecar, kind: str) -> None:
    assert found(secret(sidecar, "a").to_dict(), "apiType") == [kind]


def test_the_agent_is_one_static_cluster_without_pings() -> None:
    agent = clusters(generated.of(whole()))["sds_agent"]
    assert agent.get("type", "STATIC") == "STATIC"
    assert found(agent, "path") == ["/run/accredit/public/api.sock"]
    assert found(agent, "explicit_http_config")
    assert not found(agent, "connection_keepalive")
    assert found(agent, "max_requests") == [4096]
