from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from support.doubting import doubted
from support.plugin import GOOD, installed

from accredit.agent.host_doubts import _SWITCHES
from accredit.attestation import trust as module
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.trust import Trust, trust
from accredit.authority.selector_kinds import _LINUX
from accredit.identity.selector import Selector


@pytest.mark.parametrize(
    ("selector", "attestation", "cure"),
    [
        ("linux:host", "{linux: {}}", "linux is there"),
        ("systemd:id:a.service", "{systemd: {}}", "systemd is there"),
        (
            "systemd-user:1:id:a.service",
            "{systemd: {user_units: true}}",
            "systemd is there",
        ),
    ],
)
def test_a_selector_of_what_is_switched_off_is_doubted(
    tmp_path: Path, selector: str, attestation: str, cure: str
) -> None:
    assert doubted(tmp_path, selector, "{}") == [
        f"FILE:7: {selector} never holds unless attestation.{cure}"
    ]
    assert doubted(tmp_path, selector, attestation) == []


@pytest.mark.parametrize(
    ("selector", "attestation", "switch"),
    [
        ("linux:container", "{linux: {namespaces: false}}", "linux.namespaces"),
        ("linux:cgroup:/a", "{linux: {cgroup: false}}", "linux.cgroup"),
        ("linux:no_login", "{linux: {login: false}}", "linux.login"),
        ("linux:selinux:a:b:c", "{linux: {label: false}}", "linux.label"),
        ("systemd-user:1:id:a.service", "{systemd: {}}", "systemd.user_units"),
    ],
)
def test_a_selector_of_a_part_that_is_switched_off_is_doubted(
    tmp_path: Path, selector: str, attestation: str, switch: str
) -> None:
    (doubt,) = doubted(tmp_path, selector, attestation)
    assert doubt.endswith(f"never holds unless attestation.{switch} is true")


def test_every_kind_of_linux_selector_has_its_switch() -> None:
    assert set(_SWITCHES) == set(_LINUX)
    assert set(_SWITCHES.values()) == {field.name for field in fields(LinuxSettings)}


def test_a_selector_that_nobody_could_give_is_doubted(tmp_path: Path) -> None:
    assert doubted(tmp_path, "rack:row:7", "{}") == [
        "FILE:7: rack:row:7 never holds: no attestor or plug-in of attestation is called rack"
    ]


def test_a_plug_in_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (doubt,) = doubted(tmp_path, "rack:row:7", "{plugins: {rack: {}}}")
    assert doubt.startswith("attestation.plugins.rack: no installed package has an entry point")


def test_one_that_can_says_whose_word_its_selectors_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_declared", {})
    monkeypatch.syspath_prepend(tmp_path)
    installed(tmp_path, GOOD, name="shelf")
    assert doubted(tmp_path, "shelf:row:7", "{plugins: {shelf: {row: 7}}}") == []
    assert trust(Selector.parse("shelf:row:7")) is Trust.RUNTIME
