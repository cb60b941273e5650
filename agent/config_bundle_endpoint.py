"""The section of the configuration that says where the own trust bundle is served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.agent.config_types import Bytes, Count, Duration, FilePath, Section, Unit
from accredit.agent.config_urls import EndpointUrlText, ProfileName
from accredit.authority.federation.relationship import Profile

_DEFAULTS = EndpointSettings(Address("::", 8443), Profile.SPIFFE)


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    return Address.parse(value if isinstance(value, str) else "")


class BundleEndpoint(Section):
    """The own trust bundle for other trust domains, over HTTPS and for everybody to read."""

    listen: Annotated[Address, BeforeValidator(_address), Unit("address and port")] = Field(
        description="Where to listen, such as `0.0.0.0:8443` or `[::]:8443`, which takes IPv4 too."
    )
    profile: ProfileName = Field(
        description="How it shows who it is: by a certificate for its host name, or by an "
        "X.509-SVID of the own trust domain."
    )
    path: Annotated[str, Unit("path of a URL")] = Field(
        default=_DEFAULTS.path, description="Where the bundle is; all other paths are empty."
    )
    url: EndpointUrlText | None = Field(
        default=_DEFAULTS.url,
        description="What partners are told. With `https_web`, the certificate must name its host.",
    )
    redirect: EndpointUrlText | None = Field(
        default=_DEFAULTS.redirect,
        description="Send visitors there for now (status 307), after the endpoint has moved.",
    )
    certificate: FilePath | None = Field(
        default=_DEFAULTS.certificate,
        description="The chain of `https_web` in PEM, the server's own first; from a public "
        "authority, unless partners are given another root. Read again when it changes.",
    )
    key: FilePath | None = Field(
        default=_DEFAULTS.key,
        description="Its private key in PEM, unencrypted and closed to others.",
    )
    spiffe_path: Annotated[str, Unit("path of a SPIFFE ID")] = Field(
        default=_DEFAULTS.spiffe_path,
        description="Whose X.509-SVID `https_spiffe` shows. No entry is needed.",
    )
    connections: Count = Field(
        default=_DEFAULTS.connections, description="Open connections, some 0.3 MB each."
    )
    connections_per_address: Count = Field(
        default=_DEFAULTS.connections_per_address,
        description="Those of one IPv4 address, or of one IPv6 /64.",
    )
    header_bytes: Bytes = Field(
        default=_DEFAULTS.header_bytes, description="Largest header of a request."
    )
    patience: Duration = Field(
        default=_DEFAULTS.patience,
        description="How long one visit may take, from its connection to the end of its answer.",
    )
    drain: Duration = Field(
        default=_DEFAULTS.drain, description="How long visits may go on when the agent stops."
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        self.settings()
        return self

    def settings(self) -> EndpointSettings:
        """Return what the endpoint takes; ValueError if its parts do not fit together."""
        return EndpointSettings(**dict(self))

    def at(self, folder: Path) -> BundleEndpoint:
        """Return it with every path of a file beginning at ``folder``."""
        files = {"certificate": self.certificate, "key": self.key}
        return self.model_copy(
            update={name: path and folder / path for name, path in files.items()}
        )
