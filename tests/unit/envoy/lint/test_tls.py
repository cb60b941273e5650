from __future__ import annotations

import pytest

from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.tls import Tls, domains, is_empty, sans, spiffe_validator

_SPIFFE = """\
custom_validator_config:
  typed_config:
    "@type": type.googleapis.com/envoy.x.v3.SPIFFECertValidatorConfig
    trust_domains: [{name: a.example}, {name: b.example}]
"""


def _place(text: str) -> Place:
    root = compose(text, "f")
    return Place(root, (), root.line)


def _tls(common: str, **secrets: str) -> Tls:
    known = {name: _place(text) for name, text in secrets.items()}
    return Tls(_place(f"common_tls_context: {common}\n"), known)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("{}", True),
        ("{trusted_ca: }", True),
        ("{allow_expired_certificate: true}", True),
        ("{trusted_ca: {filename: a}}", False),
        ("{system_root_certs: {}}", False),
        ("{verify_certificate_hash: [ab]}", False),
    ],
)
def test_a_context_is_empty_if_nothing_in_it_verifies(text: str, empty: bool) -> None:
    assert is_empty(_place(text)) is empty


def test_trust_domains_are_those_of_the_spiffe_validator() -> None:
    context = _place(_SPIFFE)
    assert [domain.name.text for domain in domains(context)] == ["a.example", "b.example"]
    assert not spiffe_validator(_place("{trusted_ca: {filename: a}}"))


def test_names_come_from_both_kinds_of_matchers() -> None:
    context = _place(
        "match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: a}}]\n"
        "match_subject_alt_names: [{exact: b}]\n"
    )
    assert [san.matcher.get("exact").text for san in sans(context)] == ["a", "b"]


def test_a_secret_from_elsewhere_validates_and_a_static_one_as_it_says() -> None:
    assert _tls("{validation_context_sds_secret_config: {name: x}}").is_validating
    static = "{validation_context_sds_secret_config: {name: roots}}"
    assert not _tls(static, roots="validation_context: {}").is_validating
    named = "{validation_context_sds_secret_config: {name: roots, sds_config: {ads: {}}}}"
    assert _tls(named, roots="validation_context: {}").is_validating


def test_both_halves_of_a_combined_context_count() -> None:
    tls = _tls(
        "{combined_validation_context: {default_validation_context: "
        "{match_typed_subject_alt_names: [{matcher: {exact: a}}]}, "
        "validation_context_sds_secret_config: {name: roots}}}",
        roots="validation_context: {trusted_ca: {filename: a}}",
    )
    assert len(tls.contexts) == 2
    assert len(tls.sans) == 1
    assert tls.is_validating
    assert tls.demands_certificate


def test_without_a_validation_context_none_is_wanted() -> None:
    tls = _tls("{tls_params: {}}")
    assert not tls.wants_validation
    assert not tls.is_validating


@pytest.mark.parametrize(
    ("text", "version"),
    [("{}", 3), ("{tls_params: {tls_minimum_protocol_version: TLSv1_3}}", 4)],
)
def test_versions_have_defaults(text: str, version: int) -> None:
    assert _tls(text).version("minimum", "TLSv1_2") == version


@pytest.mark.parametrize(
    ("name", "several"), [("ALL", True), ("spiffe://a,spiffe://b", True), ("spiffe://a", False)]
)
def test_a_secret_may_bring_several_trust_domains(name: str, several: bool) -> None:
    tls = _tls(f"{{validation_context_sds_secret_config: {{name: '{name}'}}}}")
    assert (tls.several_domains is not None) is several
