"""What ``accredit check`` warns of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from accredit.agent.config import load_config
from accredit.agent.doubts import doubts

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
_ENTRY = "entries:\n  - {id: /a, selectors: ['unix:uid:1'], default: true, hint: x}\n"
_TOO_LONG = "is more than 1d, the longest of authority.embedded: it is cut short"


def found(folder: Path, text: str) -> list[str]:
    path = folder / "accredit.yaml"
    path.write_text(_HEAD + text)
    path.chmod(0o600)
    plan = load_config(path).plan(path)
    return [each.replace(str(path), "FILE") for each in doubts(plan, plan.entry_files.read())]


def test_a_good_configuration_raises_none(tmp_path: Path) -> None:
    assert found(tmp_path, _ENTRY) == []


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("", "there are no entries: nobody gets an identity"),
        (
            _ENTRY + "workload_api: {enabled: false}\nsds: {enabled: false}\n",
            "workload_api and sds are both switched off: nothing is served",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:uid:1'], default: true}\n",
            "FILE:7: a second default; callers get that of FILE:6",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:gid:1'], default: true}\n",
            "FILE:7: a second default; callers get that of FILE:6",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:uid:1'], hint: x}\n",
            "FILE:7: hint 'x' is also that of FILE:6, which keeps it",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:uid:2', 'unix:path:/bin/b']}\n",
            "FILE:7: unix:path:/bin/b never holds unless attestation.unix.discover_path is true",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:user:nobody-at-all', 'unix:user:root']}\n",
            "FILE:7: unix:user:nobody-at-all never holds: no such name on this machine",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:supplementary_group:nix']}\n",
            "FILE:7: unix:supplementary_group:nix never holds: no such name on this machine",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['systemd:id:a.service']}\n",
            "FILE:7: systemd:id:a.service never holds unless attestation.systemd is there",
        ),
        (_ENTRY + "ttl: 20d\n", f"FILE:6: ttl 20d {_TOO_LONG}"),
    ],
)
def test_what_is_probably_not_meant_is_told_with_its_place(
    tmp_path: Path, text: str, doubt: str
) -> None:
    assert found(tmp_path, text) == [doubt]


def test_defaults_of_different_callers_are_no_doubt(tmp_path: Path) -> None:
    second = "  - {id: /b, selectors: ['unix:uid:2'], default: true, hint: x}\n"
    assert found(tmp_path, _ENTRY + second) == []


_ENDPOINT = "federation: {endpoint: {listen: '[::]:8443', profile: https_spiffe}}\n"
_SHORT = "authority: {embedded: {publish_for: 5m}}\n"


def test_keys_that_sign_before_partners_know_them_are_doubted(tmp_path: Path) -> None:
    assert found(tmp_path, _ENTRY + _ENDPOINT) == []
    assert found(tmp_path, _ENTRY + _SHORT) == []
    assert found(tmp_path, _ENTRY + _ENDPOINT + _SHORT) == [
        f"authority.embedded.publish_for: a new {word} signs 5m after it was published, and"
        " partners that fetch every 5m need 11m to know it: raise publish_for, or lower"
        " refresh_hint"
        for word in ("root", "JWT key")
    ]


def test_registers_that_anybody_can_reset_are_doubted(tmp_path: Path) -> None:
    keys = "authority: {embedded: {keys: {disk: {seal: tpm, pcrs: [7, 16, 23]}}}}\n"
    about = [each for each in found(tmp_path, _ENTRY + keys) if "PCR" in each]
    start = "authority.embedded.keys.disk.pcrs: PCR"
    end = "can be reset by any program and guards nothing"
    assert about == [f"{start} 16 {end}", f"{start} 23 {end}"]


def test_keys_in_a_tpm_without_its_software_are_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(sys.modules, "tpm2_pytss", raising=False)
    text = _ENTRY + "authority: {embedded: {keys: tpm}}\n"
    missing = "authority.embedded.keys: the TPM's software is missing"
    assert [each.partition(":")[0] for each in found(tmp_path, text)] == [missing.partition(":")[0]]
    assert found(tmp_path, _ENTRY) == []


_OUTPUT = """\
outputs:
  - name: web
    folder: DIR
    files: [{kind: certificate, name: a}, {kind: crl, name: crl.pem}]
"""
_FOR_IT = "entries:\n  - {id: /a, selectors: ['output:web']}\n"


def test_a_list_of_what_is_revoked_cannot_be_made_while_nothing_is(tmp_path: Path) -> None:
    text = _FOR_IT + _OUTPUT.replace("DIR", str(tmp_path / "out"))
    doubt = (
        "output 'web': crl.pem cannot be made while nothing is revoked;"
        " set authority.embedded.always_crl: true"
    )
    assert doubt in found(tmp_path, text)
    always = "authority: {embedded: {always_crl: true}}\n"
    assert doubt not in found(tmp_path, text + always)
