"""Sections of the configuration: who signs, how callers are told apart, how SVIDs stay fresh.

The reference manual is made of what each field says of itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from accredit.agent.config_containers import Docker, Podman, runtimes
from accredit.agent.config_host import LinuxAttestor, SystemdAttestor
from accredit.agent.config_kubernetes import KubernetesAttestor
from accredit.agent.config_plugins import Plugins
from accredit.agent.config_tpm import Keys
from accredit.agent.config_types import (
    Bundles,
    Bytes,
    Count,
    Duration,
    KeyTypeName,
    Section,
    Switch,
    Unit,
)
from accredit.attestation.containers.runtime import Runtimes
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.unix import UnixSettings
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.rotation.settings import RotationSettings

# What each room does by itself is what the configuration's defaults are.
_EMBEDDED, _UNIX, _ROTATION = EmbeddedSettings(), UnixSettings(), RotationSettings()


class EmbeddedAuthority(Section):
    """The certificate authority inside this process, its state in the data folder.

    Roots and JWT keys rotate by themselves: the next one is prepared at half of the lifetime, signs
    after it was published for long enough, and the old one goes when nothing it signed is valid.
    """

    key_type: KeyTypeName = Field(default=_EMBEDDED.key_type, description="Key of new roots.")
    ca_lifetime: Duration = Field(
        default=_EMBEDDED.ca_lifetime, description="How long a new root is valid."
    )
    jwt_key_type: KeyTypeName = Field(
        default=_EMBEDDED.jwt_key_type, description="Key of new JWT signing keys."
    )
    jwt_key_lifetime: Duration = Field(
        default=_EMBEDDED.jwt_key_lifetime, description="How long a new JWT signing key is used."
    )
    max_x509_ttl: Duration | None = Field(
        default=_EMBEDDED.max_x509_ttl,
        description="X.509-SVIDs live no longer, whatever their entry says. Default: 24h, or 3/8 "
        "of `ca_lifetime`.",
    )
    max_jwt_ttl: Duration | None = Field(
        default=_EMBEDDED.max_jwt_ttl,
        description="JWT-SVIDs live no longer, whatever their entry says. Default: 1h, or 3/8 of "
        "`jwt_key_lifetime`.",
    )
    publish_for: Duration | None = Field(
        default=_EMBEDDED.publish_for,
        description="How long a new root or JWT key is published before it signs. Default: three "
        "times `refresh_hint`, or 1/8 of its lifetime.",
    )
    refresh_hint: Duration = Field(
        default=_EMBEDDED.refresh_hint,
        description="How often other trust domains should fetch our bundle.",
    )
    clock_skew: Duration = Field(
        default=_EMBEDDED.clock_skew,
        description="How far the clocks of verifiers may be off ours.",
    )
    path_length: Annotated[int, Field(ge=0, le=10), Unit("count")] | None = Field(
        default=_EMBEDDED.path_length,
        description="Path length constraint of new roots; `null` for none.",
    )
    always_crl: Switch = Field(
        default=_EMBEDDED.always_crl,
        description="Serve certificate revocation lists even while nothing is revoked, for "
        "programs that demand one: see `docs/revocation.md`.",
    )
    federated_bundles: Bundles = Field(
        default={},
        description="Trust bundles of other trust domains: name to the path of a SPIFFE bundle "
        "document, or of roots in PEM. Read again when it changes.",
    )

    keys: Keys = Field(default=Keys(), description="Where private keys are kept.")

    @model_validator(mode="after")
    def _lifetimes_fit(self) -> Self:
        self.settings()
        return self

    def settings(self) -> EmbeddedSettings:
        """Return what the authority takes; ValueError if lifetimes do not fit together."""
        # Not dict(self): with a field of the name ``keys`` Python takes this for a mapping.
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return EmbeddedSettings(**{**values, "keys": self.keys.settings()})


class Authority(Section):
    """Who signs."""

    embedded: EmbeddedAuthority = Field(
        default=EmbeddedAuthority(), description="Sign in this process. Needs nothing else."
    )


class UnixAttestor(Section):
    """Facts of the kernel about the calling process."""

    discover_path: Switch = Field(
        default=_UNIX.discover_path,
        description="Give `unix:path` and `unix:sha256` of the caller's executable. "
        "Needs root or CAP_SYS_PTRACE for other users' processes.",
    )
    size_limit: Bytes = Field(
        default=_UNIX.size_limit,
        description="Executables larger than this get no `unix:sha256`.",
    )
    names_timeout: Duration = Field(
        default=_UNIX.names_timeout,
        description="How long the names of a caller's user and groups may take.",
    )
    executable_timeout: Duration = Field(
        default=_UNIX.executable_timeout,
        description="How long a look at the executable may take; a hash that takes longer is there "
        "for the next try.",
    )

    def settings(self) -> UnixSettings:
        """Return what the attestor takes."""
        return UnixSettings(**dict(self))


class Attestation(Section):
    """How a caller is told from another."""

    unix: UnixAttestor = Field(default=UnixAttestor(), description="uid, gid, groups, executable.")
    docker: Docker | None = Field(
        default=None, description="Containers of Docker. Off unless it is there."
    )
    podman: Podman | None = Field(
        default=None, description="Containers of Podman. Off unless it is there."
    )
    k8s: KubernetesAttestor | None = Field(
        default=None, description="The pod a caller runs in. Off unless it is there."
    )
    linux: LinuxAttestor | None = Field(
        default=None, description="cgroup, namespaces, label. Off unless it is there."
    )
    systemd: SystemdAttestor | None = Field(
        default=None, description="systemd units. Off unless it is there."
    )
    plugins: Plugins = Field(
        default={},
        description="Attestors of other packages: the name of each, which is also the type of its "
        "selectors, and its options, `{}` for none.",
    )

    @field_validator("docker", "podman", "k8s", "linux", "systemd", mode="before")
    @classmethod
    def _not_left_empty(cls, value: object) -> object:
        if value is None:
            raise ValueError("expected keys; {} switches it on with every default")
        return value

    def containers(self) -> Runtimes:
        """Return the daemons that are asked about containers."""
        return runtimes(self.docker, self.podman)

    def at(self, folder: Path) -> Self:
        """Return it with every path beginning at ``folder``."""
        return self.model_copy(update={"k8s": self.k8s and self.k8s.at(folder)})

    def plugin_settings(self) -> tuple[PluginSettings, ...]:
        """Return which plug-ins there are, in the order of the file."""
        return tuple(PluginSettings(name, options) for name, options in self.plugins.items())


class Rotation(Section):
    """How SVIDs are kept fresh. They are renewed at half of their lifetime, give or take 10 %."""

    key_type: KeyTypeName = Field(
        default=_ROTATION.key_type, description="Key of each new X.509-SVID."
    )
    first_svid_timeout: Duration = Field(
        default=_ROTATION.first_svid_timeout,
        description="How long a new caller waits for its first SVIDs before it is told to retry.",
    )
    sign_timeout: Duration = Field(
        default=_ROTATION.sign_timeout, description="How long one attempt at signing may take."
    )
    retry_first: Duration = Field(
        default=_ROTATION.retry_first,
        description="Wait after a failed renewal; doubled by each further one.",
    )
    retry_most: Duration = Field(
        default=_ROTATION.retry_most, description="Longest wait between two tries of a renewal."
    )
    keep_warm: Duration = Field(
        default=_ROTATION.keep_warm,
        description="SVIDs that nobody watches are renewed this long after somebody last asked.",
    )
    idle_callers: Count = Field(
        default=_ROTATION.idle_callers,
        description="Sets of entries kept ready of callers that have gone.",
    )
    jwt_svids: Count = Field(
        default=_ROTATION.jwt_svids, description="JWT-SVIDs kept to answer with again."
    )
    template_svids: Count = Field(
        default=_ROTATION.template_svids,
        description="X.509-SVIDs kept of entries with a reference in their `id`; those beyond that "
        "nobody uses go, the one asked for longest ago first.",
    )
    followed_jwt_svids: Count = Field(
        default=_ROTATION.followed_jwt_svids,
        description="JWT-SVIDs kept fresh for SDS streams that asked for them.",
    )
    followed_audiences: Count = Field(
        default=_ROTATION.followed_audiences, description="Those of one entry among them."
    )

    def settings(self) -> RotationSettings:
        """Return what rotation takes."""
        return RotationSettings(**dict(self))
