"""Each section turns into what its room takes, and refuses what that room would refuse."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from accredit.agent import config_host as host
from accredit.agent import config_sections as sections
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.attestation.unix import UnixSettings
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.rotation.settings import RotationSettings


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (sections.EmbeddedAuthority().settings(), EmbeddedSettings()),
        (sections.UnixAttestor().settings(), UnixSettings()),
        (sections.Rotation().settings(), RotationSettings()),
        (host.LinuxAttestor().settings(), LinuxSettings()),
        (host.SystemdAttestor().settings(), SystemdSettings()),
    ],
)
def test_an_empty_section_is_what_the_room_does_by_itself(made: object, expected: object) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        (sections.EmbeddedAuthority, EmbeddedSettings),
        (sections.UnixAttestor, UnixSettings),
        (sections.Rotation, RotationSettings),
        (host.LinuxAttestor, LinuxSettings),
        (host.SystemdAttestor, SystemdSettings),
    ],
)
def test_everything_a_room_can_be_told_is_in_its_section(
    section: type[BaseModel], settings: type
) -> None:
    names = {field.name for field in dataclasses.fields(settings)}
    assert names == set(section.model_fields)


def test_lifetimes_that_do_not_fit_are_refused() -> None:
    day = timedelta(days=1)
    with pytest.raises(ValidationError, match="too short: half of it must hold"):
        sections.EmbeddedAuthority(ca_lifetime=day, max_x509_ttl=day)


@pytest.mark.parametrize(
    "section",
    [
        value
        for module in (sections, host)
        for value in vars(module).values()
        if isinstance(value, type)
    ],
)
def test_every_field_says_what_it_is_for(section: type) -> None:
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/run/user/0/bus", "/run/user/0/bus"),
        ("unix:path=/run/user/0/bus", "/run/user/0/bus"),
        ("unix:///run/user/0/bus", "/run/user/0/bus"),
    ],
)
def test_a_bus_is_named_by_its_path_or_in_the_words_of_d_bus(written: str, path: str) -> None:
    section = host.SystemdAttestor.model_validate({"bus": written})
    assert section.settings() == SystemdSettings(Path(path))


@pytest.mark.parametrize("written", ["bus", "unix:abstract=/x", "unix:tmpdir=/tmp", 7])
def test_a_bus_that_has_no_path_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="expected"):
        host.SystemdAttestor.model_validate({"bus": written})


def test_a_missing_library_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"needs: pip install 'accredit\[systemd\]'"):
        host.SystemdAttestor()
