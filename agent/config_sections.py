"""The sections of the configuration; the reference is made of what each field says of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from accredit.agent.config_types import (
    Bytes,
    Count,
    Duration,
    KeyTypeName,
    ResourceName,
    Section,
    Unit,
)
from accredit.identity.keys import KeyType

_Switch = Annotated[bool, Unit("true or false")]
_Choice = Unit("choice")


class EmbeddedAuthority(Section):
    """The certificate authority inside this process, its keys in the data folder."""

    key_type: KeyTypeName = Field(
        default=KeyType.EC_P256, description="Key of new roots and of new JWT signing keys."
    )
    ca_lifetime: Duration = Field(
        default=timedelta(days=30),
        description="How long a new root is valid; the next one is prepared at half of it.",
    )
    jwt_key_lifetime: Duration = Field(
        default=timedelta(days=30),
        description="How long a new JWT signing key is valid; the next is prepared at half of it.",
    )


class Authority(Section):
    """Who signs."""

    embedded: EmbeddedAuthority = Field(
        default=EmbeddedAuthority(), description="Sign in this process. Needs nothing else."
    )


class UnixAttestor(Section):
    """Facts of the kernel about the calling process."""

    discover_path: _Switch = Field(
        default=False,
        description="Give `unix:path` and `unix:sha256` of the caller's executable. "
        "Needs root or CAP_SYS_PTRACE for other users' processes.",
    )
    size_limit: Bytes = Field(
        default=256 * 1024 * 1024,
        description="Executables larger than this get no `unix:sha256`.",
    )


class Attestation(Section):
    """How a caller is told from another."""

    unix: UnixAttestor = Field(default=UnixAttestor(), description="uid, gid, groups, executable.")


class Rotation(Section):
    """How SVIDs are kept fresh. They are renewed at half of their lifetime, give or take 10 %."""

    key_type: KeyTypeName = Field(
        default=KeyType.EC_P256, description="Key of each new X.509-SVID."
    )
    first_svid_timeout: Duration = Field(
        default=timedelta(seconds=5),
        description="How long a new caller waits for its first SVIDs before it is told to retry.",
    )
    retry_first: Duration = Field(
        default=timedelta(seconds=1),
        description="Wait after a failed renewal; doubled by each further one.",
    )
    retry_most: Duration = Field(
        default=timedelta(minutes=1), description="Longest wait between two tries of a renewal."
    )


class WorkloadApi(Section):
    """Delivery over the SPIFFE Workload API."""

    enabled: _Switch = Field(default=True, description="Serve the Workload API.")


class Sds(Section):
    """Delivery over Envoy's Secret Discovery Service. The names are SPIRE's."""

    enabled: _Switch = Field(default=True, description="Serve SDS.")
    default_svid_name: ResourceName = Field(
        default="default", description="Resource name of the caller's default X.509-SVID."
    )
    default_bundle_name: ResourceName = Field(
        default="ROOTCA", description="Resource name of the own trust domain's bundle."
    )
    default_all_bundles_name: ResourceName = Field(
        default="ALL", description="Resource name of the own and every federated bundle."
    )
    disable_spiffe_cert_validation: _Switch = Field(
        default=False,
        description="Send plain `trusted_ca` instead of Envoy's SPIFFE validator, which then "
        "checks no trust domain.",
    )
    withdrawn: Annotated[Literal["keep", "cut"], _Choice] = Field(
        default="keep",
        description="What becomes of a withdrawn identity, since Envoy ignores removals: `keep` "
        "lets it run out, `cut` sends a validation context that refuses every new peer.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = (self.default_svid_name, self.default_bundle_name, self.default_all_bundles_name)
        if len(set(names)) < len(names):
            raise ValueError("the three default names must differ")
        return self


class Limits(Section):
    """Bounds on what any one caller, or all of them, can make the agent hold."""

    connections: Count = Field(
        default=10_000, description="Open connections, all callers together."
    )
    connections_per_uid: Count = Field(default=5_000, description="Open connections of one user.")


class Logging(Section):
    """Log lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _Choice] = Field(
        default="info", description="The least important lines that are still written."
    )
    format: Annotated[Literal["text", "json"], _Choice] = Field(
        default="text", description="`json` writes one object a line."
    )
