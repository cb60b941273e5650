"""Each section turns into what its service takes, and refuses what that service would refuse."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import BaseModel, ValidationError

from accredit.agent import config_services as sections
from accredit.agent.limits import Limits
from accredit.sds_server.settings import SdsSettings, Withdrawn
from accredit.workload_api.settings import WorkloadApiSettings

_BOTH = {"allow_unauthenticated_verifiers"}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (sections.WorkloadApi().settings(verifiers=False), WorkloadApiSettings()),
        (sections.Sds().settings(verifiers=False), SdsSettings()),
        (sections.Limits().settings(), Limits()),
    ],
)
def test_an_empty_section_is_what_the_service_does_by_itself(
    made: object, expected: object
) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("section", "settings", "elsewhere"),
    [
        (sections.WorkloadApi, WorkloadApiSettings, _BOTH),
        (sections.Sds, SdsSettings, _BOTH | {"first_request_seconds"}),
        (sections.Limits, Limits, set()),
    ],
)
def test_everything_a_service_can_be_told_is_in_its_section(
    section: type[BaseModel], settings: type, elsewhere: set[str]
) -> None:
    names = {field.name for field in dataclasses.fields(settings)}
    assert names - set(section.model_fields) == elsewhere


def test_what_is_decided_for_both_services_reaches_both() -> None:
    assert sections.WorkloadApi().settings(verifiers=True).allow_unauthenticated_verifiers
    assert sections.Sds().settings(verifiers=True).allow_unauthenticated_verifiers
    assert sections.Sds(withdrawn="cut").settings(verifiers=False).withdrawn is Withdrawn.CUT


def test_what_holds_for_all_sockets_holds_for_jwk_sets_and_the_rest_is_their_own() -> None:
    common = Limits(header_bytes=99, connections=7)
    made = sections.Jwks().settings(common)
    assert (made.header_bytes, made.drain) == (99, common.drain)
    assert (made.connections, made.connections_per_uid) == (1000, 500)
    assert made.first_request.total_seconds() == 60


def test_names_that_are_not_distinct_are_refused() -> None:
    with pytest.raises(ValidationError, match="must differ"):
        sections.Sds(default_svid_name="ALL")


@pytest.mark.parametrize(
    "section", [value for value in vars(sections).values() if isinstance(value, type)]
)
def test_every_field_says_what_it_is_for(section: type) -> None:
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name
