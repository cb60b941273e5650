"""Any valid sidecar file gives a bootstrap that holds what it promises, and that Envoy accepts."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import needs
from support.bootstrap_reading import clusters, filter_names, found, listeners, manager
from support.sidecar_documents import documents, surroundings
from support.sidecar_yaml import written

from accredit.envoy.bootstrap import to_json, to_yaml
from accredit.envoy.sidecar import Profile, Sidecar
from accredit.envoy.sidecar_file import parse

_SPIFFE = "spiffe://"
_RESUMPTION = ("disable_stateless_session_resumption", "disable_stateful_session_resumption")


def _sidecar(data: dict[str, Any], profile: Profile) -> Sidecar:
    text, _ = written(data)
    return parse(text, Path("web.yaml"), surroundings(profile))


@st.composite
def sidecars(draw: st.DrawFn) -> Sidecar:
    profile = draw(st.sampled_from(Profile))
    return _sidecar(draw(documents(profile)), profile)


@pytest.mark.slow
@given(sidecar=sidecars(), form=st.sampled_from([("json", to_json), ("yaml", to_yaml)]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_real_envoy_accepts_it(tmp_path: Path, sidecar: Sidecar, form: Any) -> None:
    if sidecar.access_log.startswith("/var/log/"):  # Envoy opens it, and root alone may there
        sidecar = replace(sidecar, access_log=str(tmp_path / Path(sidecar.access_log).name))
    file = tmp_path / f"bootstrap.{form[0]}"
    file.write_text(form[1](sidecar))
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", file],
        capture_output=True,
        check=False,
        timeout=60,
    )
    log = done.stderr.decode()
    assert done.returncode == 0, log[-2000:]
    assert "deprecated" not in log.lower()


def _both_ends_of_tls_check_whom_they_meet_and_never_resume(sidecar: Sidecar, plain: Any) -> None:
    contexts = found(plain, "common_tls_context")
    assert len(contexts) == len(sidecar.inbound) + len(sidecar.outbound)
    for context in contexts:
        validation = context["combined_validation_context"]
        sans = validation["default_validation_context"]["match_typed_subject_alt_names"]
        assert sans
        for san in sans:
            (kind, text), *more = san["matcher"].items()
            assert (san["san_type"], more) == ("URI", [])
            assert text.startswith(_SPIFFE)
            assert kind == "exact" or (kind == "prefix" and text.endswith("/"))
        assert context["tls_params"]["tls_maximum_protocol_version"] == "TLSv1_3"
    downstream = [each for each in found(plain, "typed_config") if _RESUMPTION[0] in each]
    assert len(downstream) == len(sidecar.inbound)
    for each in downstream:
        assert [each[key] for key in (*_RESUMPTION, "require_client_certificate")] == [True] * 3
    assert found(plain, "max_session_keys") == [0] * len(sidecar.outbound)


def _every_secret_comes_from_one_source(sidecar: Sidecar, plain: Any) -> None:
    sources = {json.dumps(source) for source in found(plain, "sds_config")}
    assert len(sources) == 1
    (source,) = map(json.loads, sources)
    assert source["initial_fetch_timeout"] == "0s"
    api = source["api_config_source"]
    delta = sidecar.profile is Profile.ACCREDIT
    assert api["api_type"] == ("DELTA_GRPC" if delta else "GRPC")


def _bundles_are_of_the_trust_domains_that_are_named(sidecar: Sidecar, plain: Any) -> None:
    wanted = {f"inbound_{n}": spec.peers for n, spec in enumerate(sidecar.inbound)}
    wanted |= {f"outbound_{n}": spec.expect for n, spec in enumerate(sidecar.outbound)}
    for name, peers in wanted.items():
        at = (listeners if name.startswith("inbound") else clusters)(plain)[name]
        (config,) = found(at, "validation_context_sds_secret_config")
        assert config["name"] == _bundle(peers, sidecar.profile)


def _bundle(peers: Any, profile: Profile) -> str:
    domains = {peer.trust_domain for peer in peers}
    if None in domains or (len(domains) > 1 and profile is Profile.SPIRE):
        return "ALL"
    return ",".join(sorted(f"{_SPIFFE}{each}" for each in domains))


def _names_are_unique_and_everything_named_is_there(sidecar: Sidecar, plain: Any) -> None:
    resources = plain["static_resources"]
    assert len(listeners(plain)) == len(resources.get("listeners", []))
    assert len(clusters(plain)) == len(resources["clusters"])
    known = set(clusters(plain))
    named = found(plain, "cluster_name") + [
        each for each in found(resources.get("listeners", []), "cluster") if isinstance(each, str)
    ]
    assert set(named) <= known
    assert known <= set(named) | {
        f"outbound_{n}" for n, each in enumerate(sidecar.outbound) if each.listen is None
    }
    prefixes = [
        found(chain["filters"][-1], "stat_prefix")[0]
        for name, listener in listeners(plain).items()
        for chain in listener["filter_chains"]
        if name != "redirect"  # whose connections count with those of the same outbound
    ]
    assert len(set(prefixes)) == len(prefixes)


def _who_comes_in_by_mutual_tls_passes_both_checks_before_anything_else(
    sidecar: Sidecar, plain: Any
) -> None:
    for number, spec in enumerate(sidecar.inbound):
        listener = listeners(plain)[f"inbound_{number}"]
        mutual, *others = listener["filter_chains"]
        assert "transport_socket" in mutual
        first, second, *rest = filter_names(mutual)
        assert (first, second) == ("rbac", "rbac")
        assert rest[-1] == ("router" if spec.protocol.is_http else "tcp_proxy")
        demanded = ["jwt_authn", "rbac"] if spec.jwt else []
        # No trailer passes for what this Envoy says of the caller.
        demanded += ["header_mutation"] if spec.protocol.is_http else []
        assert rest[:-1] == demanded
        assert len(others) == (spec.until is not None)
        for other in others:
            assert other["filter_chain_match"] == {"transport_protocol": "raw_buffer"}
            assert filter_names(other)[:-1] == demanded
        for chain in listener["filter_chains"]:
            _check_headers(chain)


def _check_headers(chain: dict[str, Any]) -> None:
    requests = manager(chain)
    if requests is None:
        return
    assert requests["forward_client_cert_details"] == "SANITIZE_SET"
    assert requests["set_current_client_cert_details"] == {"uri": True}
    assert "x_forwarded_client_cert" in requests["route_config"]["request_headers_to_remove"]
    assert requests["use_remote_address"] is True


def _connections_end_before_their_identities_do(sidecar: Sidecar, plain: Any) -> None:
    lifetime = f"{sidecar.lifetime.total_seconds():.3f}".rstrip("0").rstrip(".")
    assert sidecar.lifetime <= sidecar.svid_ttl
    for name, listener in listeners(plain).items():
        for chain in listener["filter_chains"]:
            # The redirect has a chain that closes what comes, and a probe no identity.
            if "filters" in chain and not name.endswith("_probe"):
                ends = found(chain["filters"], "max_connection_duration")
                ends += found(chain["filters"], "max_downstream_connection_duration")
                assert [float(each.removesuffix("s")) for each in ends] == [float(lifetime)]


_PROMISES = (
    _both_ends_of_tls_check_whom_they_meet_and_never_resume,
    _every_secret_comes_from_one_source,
    _bundles_are_of_the_trust_domains_that_are_named,
    _names_are_unique_and_everything_named_is_there,
    _who_comes_in_by_mutual_tls_passes_both_checks_before_anything_else,
    _connections_end_before_their_identities_do,
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(sidecars())
@settings(max_examples=100)
def test_it_keeps_every_promise(sidecar: Sidecar) -> None:
    plain = json.loads(to_json(sidecar))
    for kept in _PROMISES:  # in one test, since a bootstrap takes long to make
        kept(sidecar, plain)


@pytest.mark.slow
@given(sidecars())
@settings(max_examples=10)
def test_yaml_and_json_say_the_same_and_always_the_same(sidecar: Sidecar) -> None:
    assert to_json(sidecar) == to_json(sidecar)
    assert yaml.safe_load(to_yaml(sidecar)) == json.loads(to_json(sidecar))
