from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.bootstraps import BAD, FIXABLE, GOOD, Sample, camelled
from support.sidecar_sample import INBOUND, OUTBOUND, PARTNER, SIDECAR, WEB

from accredit.envoy.address import Endpoint
from accredit.envoy.bootstrap import to_json, to_yaml
from accredit.envoy.file.context import Surroundings
from accredit.envoy.lint.lint import RULES, Finding, lint
from accredit.envoy.peers import Rule
from accredit.envoy.sidecar import (
    HealthCheck,
    JwtDemand,
    Probe,
    Profile,
    Protocol,
    TlsVersion,
)
from accredit.envoy.sidecar_file import read
from accredit.identity.errors import ConfigError

_EXAMPLES = Path(__file__).parents[4] / "examples"
_OPEN = Endpoint("0.0.0.0", 8443)
_INBOUND = replace(INBOUND, listen=_OPEN)


def _told(findings: list[Finding]) -> list[tuple[str, ...]]:
    return sorted((each.rule.id, each.path) for each in findings)


@pytest.mark.parametrize("sample", BAD, ids=str)
def test_each_trap_of_a_bad_bootstrap_is_found_and_nothing_else(sample: Sample) -> None:
    assert _told(lint(sample.text, "f.yaml")) == sample.findings("expect") != []


@pytest.mark.parametrize("sample", GOOD, ids=str)
def test_nothing_is_found_in_a_good_bootstrap(sample: Sample) -> None:
    assert _told(lint(sample.text, "f.yaml")) == []


def test_the_corpus_is_large_and_has_a_bad_bootstrap_for_each_rule() -> None:
    shown = {rule for sample in BAD for rule, _ in sample.findings("expect")}
    assert {rule.id for rule in RULES} - shown == set()
    assert len(BAD) >= 30
    assert len(GOOD) >= 6


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
def test_the_same_is_found_in_json_with_json_names(sample: Sample) -> None:
    data = yaml.safe_load(sample.text)
    # One reader of JSON, Python's, cannot say a key twice, nor which values were one.
    wanted = {each.rule.id for each in lint(json.dumps(data, default=str), "f.json")}
    found = {each.rule.id for each in lint(json.dumps(camelled(data), default=str), "f.json")}
    assert found == wanted
    assert found >= {each.rule.id for each in lint(sample.text, "f.yaml")} - {"key-twice"}


@pytest.mark.parametrize(
    "sidecar",
    [
        SIDECAR,
        replace(SIDECAR, delta=False),
        replace(SIDECAR, profile=Profile.SPIRE, delta=False),
        replace(SIDECAR, inbound=(_INBOUND,)),
        replace(SIDECAR, inbound=(replace(_INBOUND, protocol=Protocol.TCP),)),
        replace(SIDECAR, inbound=(replace(_INBOUND, min_tls=TlsVersion.TLS_1_2),)),
        replace(SIDECAR, inbound=(replace(_INBOUND, allow=(Rule((WEB, PARTNER)),)),)),
        replace(
            SIDECAR,
            inbound=(
                replace(_INBOUND, protocol=Protocol.TCP, allow=(Rule((WEB,)), Rule((PARTNER,)))),
            ),
        ),
        replace(
            SIDECAR,
            inbound=(replace(_INBOUND, probe=Probe(Endpoint("0.0.0.0", 8081), ("/healthz",))),),
        ),
        replace(
            SIDECAR, inbound=(replace(_INBOUND, jwt=JwtDemand(("a",), (WEB,), "/run/j.sock")),)
        ),
        replace(SIDECAR, outbound=(replace(OUTBOUND, protocol=Protocol.TCP),)),
        replace(SIDECAR, outbound=(replace(OUTBOUND, expect=(WEB, PARTNER)),)),
        replace(
            SIDECAR,
            outbound=(
                replace(OUTBOUND, protocol=Protocol.GRPC, health_check=HealthCheck("/health")),
            ),
        ),
    ],
    ids=[
        "delta",
        "sotw",
        "spire",
        "open to the network",
        "tcp",
        "tls 1.2",
        "two trust domains",
        "two trust domains, tcp",
        "probe",
        "jwt",
        "tcp out",
        "two trust domains out",
        "grpc out",
    ],
)
def test_nothing_is_found_in_what_is_generated(sidecar: Any) -> None:
    assert [str(each) for each in lint(to_json(sidecar), "f.json")] == []
    assert [str(each) for each in lint(to_yaml(sidecar), "f.yaml")] == []


@pytest.mark.parametrize(
    "example", sorted((_EXAMPLES / "sidecar").iterdir()), ids=lambda path: path.stem
)
def test_no_error_is_found_in_the_examples(example: Path) -> None:
    at = Surroundings(Profile.ACCREDIT, "/run/a/api.sock", "/run/a", date(2026, 11, 27))
    found = lint(to_json(read(example, at)), "f.json")
    assert [str(each) for each in found if each.is_error] == []


def test_a_migration_is_told_as_what_it_is() -> None:
    sidecar = replace(SIDECAR, inbound=(replace(_INBOUND, until=date(2030, 1, 1)),))
    found = lint(to_json(sidecar), "f.json")
    assert [each.rule.id for each in found] == ["permissive-listener"]


def test_a_finding_names_place_harm_and_cure_in_one_line() -> None:
    text = "admin:\n  address:\n    pipe: {path: /a.sock}\n"
    (found,) = lint(text, "envoy.yaml")
    assert str(found) == (
        "envoy.yaml:3: admin.address.pipe.mode: the umask alone says who may connect; "
        "use a path, and mode: 384 (octal 0600) [warning admin-pipe-mode]"
    )
    assert not found.is_error


def test_findings_come_in_the_order_of_their_lines() -> None:
    lines = [each.line for sample in FIXABLE for each in lint(sample.text, "f.yaml")[:50]]
    assert len(lines) > 20
    for sample in FIXABLE:
        own = [each.line for each in lint(sample.text, "f.yaml")]
        assert own == sorted(own)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no Envoy bootstrap"),
        ("- a\n", "is no Envoy bootstrap"),
        ("a: [\n", "f.yaml:2: is not YAML"),
        ("a: &a {b: *a}\n", "no anchor &a ends before this alias"),
        ("a: {<<: {b: c}}\n", "merge key"),
    ],
)
def test_what_is_no_bootstrap_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        lint(text, "f.yaml")
    assert reason in str(refused.value)
