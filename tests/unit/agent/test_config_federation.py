"""The section `federation`: whole relationships, and every mistake with its line."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from accredit.agent.config import parse_config
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import FederationSettings, Profile, Relationship
from accredit.identity.errors import ConfigError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_PATH = Path("/etc/accredit/accredit.yaml")
_HEAD = "{trust_domain: prod.example, data_dir: /d, socket: /s, admin_socket: /a, "
_WEB = "trust_domain: a.example, url: 'https://h/b', profile: https_web"
_SPIFFE = (
    "trust_domain: a.example, url: 'https://h/b', profile: https_spiffe,"
    " endpoint_spiffe_id: 'spiffe://a.example/x'"
)


def settings(section: str, more: str = "") -> FederationSettings:
    config = parse_config(f"{_HEAD}{more} federation: {{{section}}}}}", _PATH)
    plan = config.plan(_PATH)
    assert pickle.loads(pickle.dumps(plan)) == plan
    return plan.federation


def mistakes(relationships: str, more: str = "") -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        settings(f"relationships: [{relationships}]", more)
    assert all(each.line == 1 for each in raised.value.mistakes)
    return {each.key: each.reason for each in raised.value.mistakes}


def test_nothing_is_fetched_unless_the_file_says_so() -> None:
    config = parse_config(_HEAD + "}", _PATH)
    assert config.plan(_PATH).federation == FederationSettings()


def test_relationships_come_as_values_with_absolute_paths() -> None:
    found = settings(
        f"relationships: [{{{_SPIFFE}, bootstrap_bundle: a.json}},"
        " {trust_domain: b.example, url: 'https://h:1/', profile: https_web, ca_file: /ca.pem,"
        " follow_redirects: false}], refresh: 1m, max_bytes: 1000"
    )
    a, b = TrustDomain("a.example"), TrustDomain("b.example")
    assert found == FederationSettings(
        (
            Relationship(
                a,
                EndpointUrl("h", 443, "/b"),
                Profile.SPIFFE,
                SpiffeId(a, "/x"),
                bootstrap_bundle=_PATH.with_name("a.json"),
            ),
            Relationship(
                b,
                EndpointUrl("h", 1, "/"),
                Profile.WEB,
                ca_file=Path("/ca.pem"),
                follow_redirects=False,
            ),
        ),
        refresh=timedelta(minutes=1),
        max_bytes=1000,
    )


@pytest.mark.rows("FC-02")
@pytest.mark.parametrize("left_out", ["trust_domain", "url", "profile"])
def test_none_of_the_three_parameters_has_a_default(left_out: str) -> None:
    parts = [each for each in _WEB.split(", ") if not each.startswith(left_out)]
    found = mistakes("{" + ", ".join(parts) + "}")
    assert found == {f"federation.relationships[0].{left_out}": "is missing"}


@pytest.mark.rows("FC-04", "FC-05", "FC-08", "FC-14")
@pytest.mark.parametrize(
    ("relationships", "where", "reason"),
    [
        (
            f"{{{_WEB}, colour: blue}}",
            "[0].colour",
            "unknown key; expected one of bootstrap_bundle",
        ),
        (f"{{{_WEB}, ca_fil: f}}", "[0].ca_fil", "unknown key; did you mean 'ca_file'?"),
        (f"{{{_WEB.replace('https:', 'http:')}}}", "[0].url", "'http://h/b' is not an https URL"),
        (f"{{{_WEB.replace('//h', '//u:p@h')}}}", "[0].url", "the URL has user-info"),
        (f"{{{_WEB.replace('https_web', 'web')}}}", "[0].profile", "expected one of https_web, "),
        (f"{{{_WEB.replace('https_web', '[]')}}}", "[0].profile", "expected one of https_web, "),
        (f"{{{_WEB.replace('_web', '_spiffe')}}}", "[0]", "profile https_spiffe needs endpoint_"),
        (f"{{{_WEB}, endpoint_spiffe_id: 'a'}}", "[0].endpoint_spiffe_id", "'a' is not a SPIFFE"),
        (f"{{{_WEB}, endpoint_spiffe_id: 1}}", "[0].endpoint_spiffe_id", "expected a SPIFFE ID"),
        (
            f"{{{_WEB.replace(chr(39) + 'https://h/b' + chr(39), '7')}}}",
            "[0].url",
            "expected a URL",
        ),
        (f"{{{_WEB}}}, {{{_SPIFFE}}}", "", "a.example has 2 relationships"),
        (
            f"{{{_SPIFFE.replace('//a.example', '//c.example')}}}",
            "",
            "the endpoint of a.example is spiffe://c.example/x, and the bundle of c.example comes",
        ),
        (f"{{{_WEB.replace('a.example', 'prod.example')}}}", "", "prod.example is our own trust"),
    ],
)
def test_a_mistake_is_named_with_its_place(relationships: str, where: str, reason: str) -> None:
    [(key, found)] = mistakes(relationships).items()
    assert key == f"federation.relationships{where}"
    assert found.startswith(reason)


def test_a_trust_domain_has_a_relationship_or_a_file_and_another_may_lean_on_the_file() -> None:
    files = "authority: {embedded: {federated_bundles: {c.example: c.json}}},"
    third = _SPIFFE.replace("//a.example", "//c.example")
    assert settings(f"relationships: [{{{third}}}]", files).relationships
    both = mistakes(f"{{{_WEB.replace('a.example', 'c.example')}}}", files)
    assert both == {"federation.relationships": "c.example has a relationship and a file"}


def test_bounds_that_contradict_each_other_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="federation: refresh must lie between refresh_min and"):
        settings("refresh: 1s")
