"""The section of the configuration that says with whom we federate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from accredit.agent.config_bundle_endpoint import BundleEndpoint
from accredit.agent.config_types import (
    Bytes,
    Duration,
    FilePath,
    Section,
    Switch,
    TrustDomainName,
    Unit,
)
from accredit.agent.config_urls import EndpointUrlText, ProfileName
from accredit.authority.federation.relationship import FederationSettings, Relationship
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId

_DEFAULTS = FederationSettings()


def _spiffe_id(value: object) -> SpiffeId:
    if isinstance(value, SpiffeId):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a SPIFFE ID, such as spiffe://partner.example/bundles")  # noqa: TRY004  pydantic wants ValueError
    try:
        return SpiffeId.parse(value)
    except SpiffeIdError as error:
        raise ValueError(str(error)) from None


class RelationshipSection(Section):
    """One trust domain whose bundle is fetched. Nothing here is guessed from the rest."""

    trust_domain: TrustDomainName = Field(description="Whose bundle it is.")
    url: EndpointUrlText = Field(description="Its bundle endpoint.")
    profile: ProfileName = Field(
        description="How the endpoint shows who it is: like a web site, by a certificate for its "
        "host name; or by an X.509-SVID."
    )
    endpoint_spiffe_id: (
        Annotated[SpiffeId, BeforeValidator(_spiffe_id), Unit("SPIFFE ID")] | None
    ) = Field(
        default=None,
        description="Whose X.509-SVID the endpoint has to show; required with `https_spiffe`. If "
        "it is of a third trust domain, that one needs a relationship or a file too.",
    )
    bootstrap_bundle: FilePath | None = Field(
        default=None,
        description="A SPIFFE bundle document, or roots in PEM: the bundle until one was fetched "
        "or set, and never afterwards.",
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="Roots in PEM that `https_web` trusts, instead of the system's.",
    )
    follow_redirects: Switch = Field(
        default=True, description="Follow the endpoint to another URL, five times at most."
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        self.relationship()
        return self

    def relationship(self) -> Relationship:
        """Return what federation takes; ValueError if its parts do not fit together."""
        return Relationship(**dict(self))


class Federation(Section):
    """SPIFFE Federation: bundles fetched from other trust domains, and the own one for them."""

    relationships: list[RelationshipSection] = Field(
        default=[], description="With whom we federate."
    )
    refresh: Duration = Field(
        default=_DEFAULTS.refresh,
        description="How often to fetch a bundle that does not say how often it should be.",
    )
    refresh_min: Duration = Field(
        default=_DEFAULTS.refresh_min, description="Fetch no more often, whatever a bundle says."
    )
    refresh_max: Duration = Field(
        default=_DEFAULTS.refresh_max, description="Fetch no less often, whatever a bundle says."
    )
    timeout: Duration = Field(
        default=_DEFAULTS.timeout, description="How long one fetch may take, with its redirects."
    )
    stall_timeout: Duration = Field(
        default=_DEFAULTS.stall_timeout,
        description="How long a fetch may go without a byte from the endpoint.",
    )
    max_bytes: Bytes = Field(
        default=_DEFAULTS.max_bytes, description="Bundles larger than this are refused."
    )

    endpoint: BundleEndpoint | None = Field(
        default=None, description="Serve the own trust bundle to other trust domains."
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        self.settings()
        return self

    def settings(self) -> FederationSettings:
        """Return what federation takes; ValueError if bounds contradict each other."""
        relationships = tuple(each.relationship() for each in self.relationships)
        fields: dict[str, Any] = {**dict(self), "relationships": relationships}
        del fields["endpoint"]
        return FederationSettings(**fields)

    def at(self, folder: Path) -> Federation:
        """Return it with every path beginning at ``folder``."""
        return self.model_copy(
            update={
                "relationships": [_at(folder, each) for each in self.relationships],
                "endpoint": self.endpoint and self.endpoint.at(folder),
            }
        )


def _at(folder: Path, section: RelationshipSection) -> RelationshipSection:
    paths = {"bootstrap_bundle": section.bootstrap_bundle, "ca_file": section.ca_file}
    return section.model_copy(update={name: path and folder / path for name, path in paths.items()})
