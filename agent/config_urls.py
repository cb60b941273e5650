"""What the sections about federation share: URLs of bundle endpoints, and profiles."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from accredit.agent.config_types import Unit
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import Profile


def _url(value: object) -> EndpointUrl:
    if isinstance(value, EndpointUrl):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a URL, such as https://partner.example/bundle.json")  # noqa: TRY004  pydantic wants ValueError
    return EndpointUrl.parse(value)


def _profile(value: object) -> Profile:
    if value not in list(Profile):
        raise ValueError("expected one of " + ", ".join(Profile))
    return Profile(str(value))


EndpointUrlText = Annotated[EndpointUrl, BeforeValidator(_url), Unit("https URL")]
ProfileName = Annotated[Profile, BeforeValidator(_profile), Unit("`https_web` or `https_spiffe`")]
