from __future__ import annotations

import pytest

from accredit.envoy.lint import rbac
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place

_MTLS = (
    "{custom: {typed_config: {'@type': "
    "type.googleapis.com/envoy.extensions.rbac.principals.mtls_authenticated.v3.Config, "
    "san_matcher: {san_type: URI, matcher: {exact: a}}}}}"
)
_NAMED = "{authenticated: {principal_name: {exact: b}}}"
_INPUT = "{'@type': type.googleapis.com/envoy.x.v3.UriSanInput}"


def _rules(principal: str, action: str = "ALLOW") -> str:
    policy = f"{{permissions: [{{any: true}}], principals: [{{and_ids: {{ids: [{principal}]}}}}]}}"
    return f"{{action: {action}, policies: {{p: {policy}}}}}"


def _place(text: str) -> Place:
    root = compose(text, "f")
    return Place(root, (), root.line)


@pytest.mark.parametrize(
    ("text", "enforcing"),
    [
        ("{}", False),
        ("{rules: {}}", True),
        ("{rules: {action: LOG}}", False),
        ("{rules: {action: 1}}", True),
        ("{shadow_rules: {}}", False),
        ("{matcher: {matcher_tree: {}}}", True),
    ],
)
def test_a_filter_enforces_rules_or_a_matcher(text: str, enforcing: bool) -> None:
    assert rbac.is_enforcing(_place(text)) is enforcing


@pytest.mark.parametrize(
    ("text", "by_identity"),
    [
        (f"rules: {_rules(_MTLS)}", True),
        (f"rules: {_rules(_NAMED)}", True),
        (f"rules: {_rules('{any: true}')}", False),
        (f"shadow_rules: {_rules(_MTLS)}", False),
        (f"rules: {_rules(_MTLS, 'LOG')}", False),
        (f"rules: {_rules(_MTLS, 'DENY')}", False),
        (f"matcher: {{matcher_tree: {{input: {{typed_config: {_INPUT}}}}}}}", True),
    ],
)
def test_it_is_by_identity_if_names_decide(text: str, by_identity: bool) -> None:
    assert rbac.is_by_identity(_place(text)) is by_identity


def test_names_are_found_however_deep() -> None:
    place = _place(f"rules: {_rules(f'{_MTLS}, {{not_id: {_NAMED}}}')}")
    assert [san.matcher.get("exact").text for san in rbac.names(place)] == ["a", "b"]
    assert [san.kind.text for san in rbac.names(place)] == ["URI", ""]


def test_an_empty_authenticated_is_found() -> None:
    place = _place(f"rules: {_rules('{authenticated: {}}')}")
    assert len(list(rbac.authenticated(place))) == 1
    assert list(rbac.names(place)) == []


def test_all_uri_sans_are_looked_at_by_an_enforced_matcher_only() -> None:
    tree = f"{{matcher_tree: {{input: {{typed_config: {_INPUT}}}}}}}"
    assert rbac.knows_uri_sans(_place(f"matcher: {tree}"))
    assert not rbac.knows_uri_sans(_place(f"shadow_matcher: {tree}"))
