from __future__ import annotations

import pytest
from support.bootstraps import FOLDER

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place


def _place(text: str) -> Place:
    root = compose(text, "f")
    return Place(root, (), root.line)


def _good(name: str) -> Bootstrap:
    return Bootstrap(_place((FOLDER / "good" / name).read_text()))


@pytest.mark.parametrize("name", ["sidecar.yaml", "camel-case.json", "typed-struct.yaml"])
def test_everything_is_found_however_it_is_written(name: str) -> None:
    found = _good(name)
    (chain,) = found.chains
    assert chain.is_mutual
    assert (len(chain.managers), len(chain.rbacs), len(chain.proxies)) == (1, 1, 0)
    assert sorted(found.clusters) == ["app", "backend", "sds_agent"]
    assert [each.cluster.get("name").text for each in found.upstreams] == ["backend"]
    assert len(found.contexts) == 2
    assert sorted(source.name for source in found.sources) == [
        "default",
        "default",
        "spiffe://prod.example",
        "spiffe://prod.example",
    ]
    assert [cluster.get("name").text for cluster in found.sds_clusters] == ["sds_agent"]
    assert found.has_identity


def test_a_proxy_without_tls_has_no_identity() -> None:
    assert not _good("no-identity.yaml").has_identity


@pytest.mark.parametrize(
    ("socket", "plain"),
    [
        ("", True),
        ("transport_socket: {name: envoy.transport_sockets.raw_buffer}", True),
        ("transport_socket: {typed_config: {'@type': type.googleapis.com/x.v3.RawBuffer}}", True),
        ("transport_socket: {typed_config: {'@type': type.googleapis.com/x.v3.Alts}}", False),
    ],
)
def test_a_transport_socket_that_is_not_known_is_not_plain(socket: str, plain: bool) -> None:
    text = f"static_resources: {{listeners: [{{filter_chains: [{{{socket}}}]}}]}}\n"
    (chain,) = Bootstrap(_place(text)).chains
    assert chain.is_plain is plain


def test_the_default_filter_chain_is_one_too_and_quic_has_tls() -> None:
    found = Bootstrap(
        _place(
            "static_resources:\n"
            "  listeners:\n"
            "  - filter_chains: [{}]\n"
            "    default_filter_chain:\n"
            "      transport_socket:\n"
            "        typed_config:\n"
            "          '@type': type.googleapis.com/envoy.x.v3.QuicDownstreamTransport\n"
            "          downstream_tls_context: {require_client_certificate: true}\n"
        )
    )
    plain, quic = found.chains
    assert not plain.tls
    assert quic.tls.place.get("require_client_certificate").is_true
