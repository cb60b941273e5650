"""What ``accredit check`` warns of in federation, and in entries that federate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.ca import TestCa

from accredit.agent.config import load_config
from accredit.agent.doubts import doubts
from accredit.identity.bundle import encode_bundle

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
_ENTRY = "entries: [{id: /a, selectors: ['unix:uid:1'], federates_with: [b.example]}]\n"
_WEB = "{trust_domain: b.example, url: https://h/, profile: https_web}"
_SPIFFE = (
    "{trust_domain: b.example, url: https://h/, profile: https_spiffe,"
    " endpoint_spiffe_id: spiffe://b.example/s}"
)
_BEGUN = _SPIFFE.replace("}", ", bootstrap_bundle: b.json}")


def found(folder: Path, *relationships: str, more: str = "") -> list[str]:
    path = folder / "accredit.yaml"
    federation = f"federation: {{relationships: [{', '.join(relationships)}]}}\n"
    path.write_text(_HEAD + _ENTRY + federation + more)
    path.chmod(0o600)
    plan = load_config(path).plan(path)
    return [each.replace(str(folder), "F") for each in doubts(plan, plan.entry_files.read())]


def bootstrap(folder: Path, content: bytes) -> None:
    path = folder / "b.json"
    path.write_bytes(content)
    path.chmod(0o600)


def test_what_can_be_fetched_raises_none(tmp_path: Path) -> None:
    bootstrap(tmp_path, encode_bundle(TestCa("b.example").bundle()))
    assert found(tmp_path, _WEB) == []
    assert found(tmp_path, _BEGUN) == []
    files = "authority: {embedded: {federated_bundles: {b.example: b.json}}}\n"
    assert found(tmp_path, more=files) == []


def test_an_entry_that_federates_with_nobody_is_told(tmp_path: Path) -> None:
    [doubt] = found(tmp_path, _WEB.replace("b.example", "bb.example"))
    assert doubt == (
        "F/accredit.yaml:5: federates_with: the bundle of b.example comes from nowhere; give it a"
        " relationship in federation, or a file in authority.embedded.federated_bundles"
    )


def test_a_first_fetch_that_cannot_be_verified_is_told(tmp_path: Path) -> None:
    [doubt] = found(tmp_path, _SPIFFE)
    assert doubt == (
        "federation with b.example: without bootstrap_bundle nothing is fetched until somebody"
        " runs: accredit bundle set b.example FILE"
    )


def test_an_endpoint_of_a_third_trust_domain_needs_no_bundle_to_begin_with(tmp_path: Path) -> None:
    third = _WEB.replace("b.example", "c.example")
    assert found(tmp_path, _SPIFFE.replace("//b.example", "//c.example"), third) == []


@pytest.mark.parametrize("content", [None, b"{}", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_bootstrap_bundle_that_cannot_be_used_is_told(
    content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        bootstrap(tmp_path, content)
    [doubt] = found(tmp_path, _BEGUN)
    assert doubt.startswith("federation with b.example: bootstrap_bundle counts for nothing: ")
    files = "authority: {embedded: {federated_bundles: {b.example: b.json}}}\n"
    [doubt] = found(tmp_path, more=files)
    assert "its file in authority.embedded.federated_bundles counts for nothing: " in doubt
