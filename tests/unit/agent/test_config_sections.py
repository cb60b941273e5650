"""Each section turns into what its room takes, and refuses what that room would refuse."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from pydantic import BaseModel, ValidationError

from accredit.agent import config_sections as sections
from accredit.attestation.unix import UnixSettings
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.rotation.settings import RotationSettings


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (sections.EmbeddedAuthority().settings(), EmbeddedSettings()),
        (sections.UnixAttestor().settings(), UnixSettings()),
        (sections.Rotation().settings(), RotationSettings()),
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
    "section", [value for value in vars(sections).values() if isinstance(value, type)]
)
def test_every_field_says_what_it_is_for(section: type) -> None:
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name
