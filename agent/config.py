"""The configuration: one YAML file into one immutable value, or all of its mistakes at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from accredit.agent import places
from accredit.agent.config_file import read_config_text
from accredit.agent.config_mistakes import mistakes
from accredit.agent.config_sections import (
    Attestation,
    Authority,
    Limits,
    Logging,
    Rotation,
    Sds,
    WorkloadApi,
)
from accredit.agent.config_types import (
    Duration,
    FilePath,
    Section,
    SocketPath,
    TrustDomainName,
    Unit,
)
from accredit.authority import yaml_lines
from accredit.identity.errors import ConfigError, Mistake


class Config(Section):
    """The whole file. Paths that are not absolute start at the folder of the file."""

    trust_domain: TrustDomainName = Field(
        description="The trust domain this agent speaks for, such as `prod.example`."
    )
    data_dir: FilePath = Field(
        default_factory=places.data_dir,
        description="Folder of keys and state, mode 0700. Default: `/var/lib/accredit` for root, "
        "`$XDG_STATE_HOME/accredit` or `~/.local/state/accredit` for others.",
    )
    socket: SocketPath = Field(
        default_factory=places.socket,
        description="Workload API and SDS, open to every local user. Default: "
        "`/run/accredit/public/api.sock` for root, "
        "`$XDG_RUNTIME_DIR/accredit/public/api.sock` for others.",
    )
    admin_socket: SocketPath = Field(
        default_factory=places.admin_socket,
        description="Administration, for the agent's own user and root. Default: "
        "`/run/accredit/private/admin.sock` for root, "
        "`$XDG_RUNTIME_DIR/accredit/private/admin.sock` for others.",
    )
    ttl: Duration = Field(
        default=timedelta(hours=1),
        description="Lifetime of an X.509-SVID whose entry gives no `ttl`.",
    )
    jwt_ttl: Duration = Field(
        default=timedelta(minutes=5),
        description="Lifetime of a JWT-SVID whose entry gives no `jwt_ttl`.",
    )
    allow_unauthenticated_verifiers: Annotated[bool, Unit("true or false")] = Field(
        default=False, description="Give trust bundles also to callers without an identity."
    )
    authority: Authority = Field(default=Authority(), description="Who signs.")
    attestation: Attestation = Field(
        default=Attestation(), description="How callers are told apart."
    )
    rotation: Rotation = Field(default=Rotation(), description="How SVIDs are kept fresh.")
    workload_api: WorkloadApi = Field(default=WorkloadApi(), description="The SPIFFE Workload API.")
    sds: Sds = Field(default=Sds(), description="Envoy's Secret Discovery Service.")
    limits: Limits = Field(
        default=Limits(), description="Bounds on every resource callers can use."
    )
    logging: Logging = Field(default=Logging(), description="Log lines on standard error.")
    entries: Annotated[list[Any], Unit("entries")] = Field(
        default=[], description="Registration entries: who may have which identity."
    )
    entries_dir: FilePath | None = Field(
        default=None, description="Folder of `*.yaml` files, each with `entries:` of its own."
    )


def load_config(path: Path) -> Config:
    """Read and check the file at ``path``; entries are only checked for being a list.

    Raises:
        ConfigError: every mistake in it, with line and key.
    """
    text = read_config_text(path)
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """Check ``text``, the content of the file at ``path``; see :func:`load_config`."""
    data, lines = yaml_lines.load(text, str(path))
    if not isinstance(data, dict):
        raise ConfigError([Mistake(str(path), 1, "", "expected keys and values at the top")])
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(mistakes(error, Config, str(path), lines)) from None
    return _absolute(config, path.parent)


def _absolute(config: Config, folder: Path) -> Config:
    fields = ("data_dir", "socket", "admin_socket", "entries_dir")
    found = {name: value for name in fields if (value := getattr(config, name)) is not None}
    return config.model_copy(
        update={name: folder.absolute() / value for name, value in found.items()}
    )
