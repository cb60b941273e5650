from __future__ import annotations

from support import generated
from support.bootstrap_reading import clusters, filter_names, found, listeners
from support.sidecar_text import out_flow, whole

from accredit.envoy.outbound import name_of

_INTERCEPTED = "redirect: {users: app}\noutbound: [{expect: /s, intercept: '*:80', to: a:1}]"


def test_the_app_speaks_plainly_and_the_sidecar_mutual_tls() -> None:
    plain = generated.of(whole(out_flow("")))
    (chain,) = listeners(plain)["outbound_0"]["filter_chains"]
    assert "transport_socket" not in chain
    assert filter_names(chain) == ["router"]
    assert found(clusters(plain)["outbound_0"], "exact") == ["spiffe://own.example/server"]


def test_connections_of_no_http_are_carried_as_they_are() -> None:
    assert filter_names(generated.way_out("protocol: tcp")) == ["tcp_proxy"]


def test_the_log_calls_the_caller_the_app() -> None:
    assert found(generated.way_out(""), "security") == ["app"]


def test_an_outbound_that_is_only_intercepted_has_no_listener_of_its_own() -> None:
    plain = generated.of(whole(_INTERCEPTED))
    assert name_of(0) not in listeners(plain)
    assert name_of(0) in clusters(plain)
