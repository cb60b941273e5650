"""Relationships are whole and fit together, or are refused with what is missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import (
    FederationSettings,
    Profile,
    Relationship,
    contradictions,
)
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_OWN, _A, _B, _C = (TrustDomain(f"{name}.example") for name in ("own", "a", "b", "c"))
_URL = EndpointUrl.parse("https://somewhere.test/")


def web(name: TrustDomain, **fields: Any) -> Relationship:
    return Relationship(name, _URL, Profile.WEB, **fields)


def spiffe(name: TrustDomain, endpoint: TrustDomain) -> Relationship:
    return Relationship(name, _URL, Profile.SPIFFE, SpiffeId(endpoint, "/x"))


@pytest.mark.rows("FC-03", "FC-06")
def test_the_web_profile_needs_three_parameters_that_have_nothing_to_do_with_each_other() -> None:
    assert web(_A).verified_by is None


@pytest.mark.rows("FC-08")
@pytest.mark.parametrize(
    ("profile", "fields", "reason"),
    [
        (Profile.SPIFFE, {}, "https_spiffe needs endpoint_spiffe_id"),
        (Profile.SPIFFE, {"endpoint_spiffe_id": SpiffeId(_A)}, "has no path"),
        (
            Profile.SPIFFE,
            {"endpoint_spiffe_id": SpiffeId(_A, "/x"), "ca_file": Path("/f")},
            "ca_file is for profile https_web",
        ),
        (
            Profile.WEB,
            {"endpoint_spiffe_id": SpiffeId(_A, "/x")},
            "endpoint_spiffe_id is for profile https_spiffe",
        ),
    ],
)
def test_parts_of_the_other_profile_and_missing_ones_are_refused(
    profile: Profile, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Relationship(_A, _URL, profile, **fields)


@pytest.mark.parametrize("refresh", [1, 90000])
def test_the_default_interval_lies_within_the_bounds(refresh: int) -> None:
    with pytest.raises(ValueError, match="between refresh_min and refresh_max"):
        FederationSettings(refresh=timedelta(seconds=refresh))


@pytest.mark.rows("FC-14", "FC-15")
@pytest.mark.parametrize(
    ("relationships", "files", "wrong"),
    [
        ([], [], []),
        ([web(_A), spiffe(_B, _B)], [_C], []),
        ([spiffe(_A, _B), web(_B)], [], []),
        ([spiffe(_A, _B)], [_B], []),
        ([spiffe(_A, _OWN)], [], []),
        ([spiffe(_A, _B)], [_C], ["the endpoint of a.example is spiffe://b.example/x"]),
        ([web(_A), spiffe(_A, _A)], [], ["a.example has 2 relationships"]),
        ([web(_A)], [_A], ["a.example has a relationship and a file"]),
        ([web(_OWN)], [], ["own.example is our own trust domain"]),
        ([web(_OWN), spiffe(_A, _B)], [], ["own.example is our own", "the endpoint of a.example"]),
    ],
)
def test_relationships_that_contradict_each_other_are_told(
    relationships: list[Relationship], files: list[TrustDomain], wrong: list[str]
) -> None:
    found = contradictions(relationships, _OWN, files)
    assert len(found) == len(wrong)
    assert all(text.startswith(start) for text, start in zip(found, wrong, strict=True))
