"""Sections of the configuration: what is served, within which bounds, and what is logged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from accredit.agent import limits
from accredit.agent.config_types import (
    Bytes,
    Count,
    Duration,
    Names,
    ResourceName,
    Section,
    Switch,
    Unit,
)
from accredit.sds_server.settings import SdsSettings, Withdrawn
from accredit.workload_api.settings import WorkloadApiSettings

_Choice = Unit("choice")

# What each room does by itself is what the configuration's defaults are.
_WORKLOAD_API, _SDS, _LIMITS = WorkloadApiSettings(), SdsSettings(), limits.Limits()


class WorkloadApi(Section):
    """Delivery over the SPIFFE Workload API."""

    enabled: Switch = Field(default=True, description="Serve the Workload API.")
    x509_profile: Switch = Field(
        default=_WORKLOAD_API.x509_profile, description="Serve X.509-SVIDs and bundles."
    )
    jwt_profile: Switch = Field(
        default=_WORKLOAD_API.jwt_profile,
        description="Serve JWT-SVIDs and bundles, and validate tokens.",
    )
    allowed_foreign_jwt_claims: Names = Field(
        default=(),
        description="Claims returned for tokens of other trust domains, beside `sub`, `aud` and "
        "`exp`.",
    )
    max_audiences: Count = Field(
        default=_WORKLOAD_API.max_audiences, description="Audiences in one request for a token."
    )
    max_audience_bytes: Bytes = Field(
        default=_WORKLOAD_API.max_audience_bytes, description="Length of one audience."
    )

    def settings(self, verifiers: bool) -> WorkloadApiSettings:  # noqa: FBT001  forwarded
        """Return what the service takes."""
        return WorkloadApiSettings(
            x509_profile=self.x509_profile,
            jwt_profile=self.jwt_profile,
            allow_unauthenticated_verifiers=verifiers,
            allowed_foreign_jwt_claims=frozenset(self.allowed_foreign_jwt_claims),
            max_audiences=self.max_audiences,
            max_audience_bytes=self.max_audience_bytes,
        )


class Sds(Section):
    """Delivery over Envoy's Secret Discovery Service. The names are SPIRE's."""

    enabled: Switch = Field(default=True, description="Serve SDS.")
    default_svid_name: ResourceName = Field(
        default=_SDS.default_svid_name,
        description="Resource name of the caller's default X.509-SVID.",
    )
    default_bundle_name: ResourceName = Field(
        default=_SDS.default_bundle_name,
        description="Resource name of the own trust domain's bundle.",
    )
    default_all_bundles_name: ResourceName = Field(
        default=_SDS.default_all_bundles_name,
        description="Resource name of the own and every federated bundle.",
    )
    disable_spiffe_cert_validation: Switch = Field(
        default=_SDS.disable_spiffe_cert_validation,
        description="Send plain `trusted_ca` instead of Envoy's SPIFFE validator, which then "
        "checks no trust domain.",
    )
    withdrawn: Annotated[Literal["keep", "cut"], _Choice] = Field(
        default="keep",
        description="What becomes of a withdrawn identity, since Envoy ignores removals: `keep` "
        "lets it run out, `cut` sends a validation context that refuses every new peer.",
    )
    max_names: Count = Field(default=_SDS.max_names, description="Resource names of one stream.")
    max_name_bytes: Bytes = Field(
        default=_SDS.max_name_bytes, description="Length of one resource name."
    )
    max_audiences: Count = Field(
        default=_SDS.max_audiences,
        description="JWT-SVIDs, names that begin with `jwt:`, of one connection.",
    )
    max_audience_bytes: Bytes = Field(
        default=_SDS.max_audience_bytes, description="Length of the audience of one."
    )
    first_request: Duration = Field(
        default=timedelta(seconds=30),
        description="How long a stream may stay open before it asks for anything.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        self.settings(verifiers=False)
        return self

    def settings(self, verifiers: bool) -> SdsSettings:  # noqa: FBT001  forwarded
        """Return what the service takes; ValueError if names do not differ."""
        return SdsSettings(
            default_svid_name=self.default_svid_name,
            default_bundle_name=self.default_bundle_name,
            default_all_bundles_name=self.default_all_bundles_name,
            disable_spiffe_cert_validation=self.disable_spiffe_cert_validation,
            allow_unauthenticated_verifiers=verifiers,
            withdrawn=Withdrawn(self.withdrawn),
            max_names=self.max_names,
            max_name_bytes=self.max_name_bytes,
            max_audiences=self.max_audiences,
            max_audience_bytes=self.max_audience_bytes,
            first_request_seconds=self.first_request.total_seconds(),
        )


class Jwks(Section):
    """Keys that verify JWT-SVIDs, over HTTP/1.1 on a socket of their own."""

    enabled: Switch = Field(default=True, description="Serve JWK Sets.")
    connections: Count = Field(
        default=1000,
        description="Open connections; lowered to what the process's file limit allows.",
    )
    connections_per_uid: Count = Field(default=500, description="Open connections of one user.")
    patience: Duration = Field(
        default=timedelta(minutes=1),
        description="How long a connection may stay open without a whole request, from its start "
        "or from the last answer, and how long an answer may wait to be taken.",
    )

    def settings(self, common: limits.Limits) -> limits.Limits:
        """Return what listener and carrier take: these, and those of all sockets."""
        return replace(
            common,
            connections=self.connections,
            connections_per_uid=self.connections_per_uid,
            first_request=self.patience,
        )


class Limits(Section):
    """Bounds on what one caller, and all callers together, can make the agent hold."""

    connections: Count = Field(
        default=_LIMITS.connections,
        description="Open connections; lowered to what the process's file limit allows.",
    )
    connections_per_uid: Count = Field(
        default=_LIMITS.connections_per_uid, description="Open connections of one user."
    )
    streams_per_uid: Count = Field(
        default=_LIMITS.streams_per_uid, description="Open streams of one user."
    )
    streams_per_connection: Count = Field(
        default=_LIMITS.streams_per_connection, description="Open streams on one connection."
    )
    message_bytes: Bytes = Field(
        default=_LIMITS.message_bytes,
        description="Largest request; that of an Envoy has some 60,000 bytes.",
    )
    request_bytes_per_uid: Bytes = Field(
        default=_LIMITS.request_bytes_per_uid,
        description="What all requests of one user may hold that have come and were not read yet.",
    )
    request_bytes: Bytes = Field(
        default=_LIMITS.request_bytes, description="The same of all users together."
    )
    header_bytes: Bytes = Field(
        default=_LIMITS.header_bytes, description="Largest header of a request."
    )
    first_request: Duration = Field(
        default=_LIMITS.first_request,
        description="How long a connection may stay open without a request.",
    )
    attestation: Duration = Field(
        default=_LIMITS.attestation, description="How long one attestor may take for one caller."
    )
    attestations: Count = Field(
        default=_LIMITS.attestations,
        description="Callers that one attestor works on at a time; of one user a quarter of them.",
    )
    drain: Duration = Field(
        default=_LIMITS.drain,
        description="How long requests in flight may take when the agent stops.",
    )

    def settings(self) -> limits.Limits:
        """Return what listener and transport take."""
        return limits.Limits(**dict(self))


class Logging(Section):
    """Log lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _Choice] = Field(
        default="info", description="The least important lines that are still written."
    )
    format: Annotated[Literal["text", "json"], _Choice] = Field(
        default="text", description="`json` writes one object a line."
    )
