"""The configuration: one YAML file into one immutable value, or all of its mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from accredit.agent import places
from accredit.agent.config_federation import Federation
from accredit.agent.config_metrics import Metrics
from accredit.agent.config_mistakes import mistakes
from accredit.agent.config_outputs import Outputs
from accredit.agent.config_sections import Attestation, Authority, Rotation
from accredit.agent.config_services import Jwks, Limits, Logging, Sds, WorkloadApi
from accredit.agent.config_tpm import Tpm
from accredit.agent.config_types import (
    Duration,
    FilePath,
    Section,
    SocketPath,
    Switch,
    TrustDomainName,
    Unit,
)
from accredit.agent.plan import Plan
from accredit.authority.entry_file import EntryDefaults, EntryReader, duplicates
from accredit.authority.entry_files import EntryFiles
from accredit.authority.federation.relationship import contradictions
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake, SpiffeIdError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.yaml_lines import Lines, Plain, load

_PLACES: Mapping[str, Callable[[], Path]] = {
    "data_dir": places.data_dir,
    "socket": places.socket,
    "admin_socket": places.admin_socket,
}

_JWKS_SOCKET = "jwks.sock"


class Config(Section):
    """The whole file. Paths that are not absolute start at the folder of the file."""

    trust_domain: TrustDomainName = Field(
        description="The trust domain this agent speaks for, such as `prod.example`."
    )
    data_dir: FilePath = Field(
        description="Folder of keys and state, mode 0700. Default: `/var/lib/accredit` for root, "
        "`$XDG_STATE_HOME/accredit` or `~/.local/state/accredit` for others.",
    )
    socket: SocketPath = Field(
        description="Workload API and SDS, open to every local user. Default: "
        "`/run/accredit/public/api.sock` for root, "
        "`$XDG_RUNTIME_DIR/accredit/public/api.sock` for others.",
    )
    admin_socket: SocketPath = Field(
        description="Administration, for the agent's own user and root. Default: "
        "`/run/accredit/private/admin.sock` for root, "
        "`$XDG_RUNTIME_DIR/accredit/private/admin.sock` for others.",
    )
    jwks_socket: SocketPath | None = Field(
        default=None,
        description="Keys that verify JWT-SVIDs, open to every local user. Default: `jwks.sock` "
        "beside `socket`.",
    )
    ttl: Duration = Field(
        default=timedelta(hours=1),
        description="Lifetime of an X.509-SVID whose entry gives no `ttl`.",
    )
    jwt_ttl: Duration = Field(
        default=timedelta(minutes=5),
        description="Lifetime of a JWT-SVID whose entry gives no `jwt_ttl`.",
    )
    allow_unauthenticated_verifiers: Switch = Field(
        default=False, description="Give trust bundles also to callers without an identity."
    )
    authority: Authority = Field(default=Authority(), description="Who signs.")
    tpm: Tpm = Field(default=Tpm(), description="The machine's TPM.")
    federation: Federation = Field(
        default=Federation(), description="Whose trust bundles are fetched, and how."
    )
    attestation: Attestation = Field(
        default=Attestation(), description="How callers are told apart."
    )
    rotation: Rotation = Field(default=Rotation(), description="How SVIDs are kept fresh.")
    workload_api: WorkloadApi = Field(default=WorkloadApi(), description="The SPIFFE Workload API.")
    sds: Sds = Field(default=Sds(), description="Envoy's Secret Discovery Service.")
    jwks: Jwks = Field(default=Jwks(), description="Keys for who verifies JWT-SVIDs.")
    limits: Limits = Field(
        default=Limits(), description="Bounds on every resource callers can use."
    )
    logging: Logging = Field(default=Logging(), description="Log lines on standard error.")
    metrics: Metrics = Field(default=Metrics(), description="Numbers for Prometheus.")
    entries: Annotated[Any, Unit("entries")] = Field(
        default=None, description="Registration entries: who may have which identity."
    )
    entries_dir: FilePath | None = Field(
        default=None, description="Folder of `*.yaml` files, each with `entries:` of its own."
    )
    outputs: Outputs = Field(
        default=[], description="Identities as files, for programs that read files."
    )

    @model_validator(mode="after")
    def _sockets_differ(self) -> Self:
        if self.jwks.enabled and self._jwks_path in {self.socket, self.admin_socket}:
            raise ValueError("jwks_socket is also the path of another socket; choose another")
        return self

    @property
    def _jwks_path(self) -> Path:
        return self.jwks_socket or self.socket.parent / _JWKS_SOCKET

    def plan(self, path: Path) -> Plan:
        """Return what it comes to; ``path`` is where it was read."""
        workload_api, sds, endpoint = self.workload_api, self.sds, self.federation.endpoint
        attestation = self.attestation
        verifiers, limits = self.allow_unauthenticated_verifiers, self.limits.settings()
        return Plan(
            trust_domain=self.trust_domain,
            data_dir=self.data_dir,
            socket=self.socket,
            admin_socket=self.admin_socket,
            entry_files=EntryFiles(
                self.trust_domain,
                EntryDefaults(x509_ttl=self.ttl, jwt_ttl=self.jwt_ttl),
                path.absolute(),
                self.entries_dir,
            ),
            embedded=self.authority.embedded.settings(),
            tpm_device=self.tpm.device,
            federation=self.federation.settings(),
            endpoint=endpoint.settings() if endpoint else None,
            unix=attestation.unix.settings(),
            containers=attestation.containers(),
            k8s=attestation.k8s.settings() if attestation.k8s else None,
            linux=attestation.linux.settings() if attestation.linux else None,
            systemd=attestation.systemd.settings() if attestation.systemd else None,
            plugins=attestation.plugin_settings(),
            rotation=self.rotation.settings(),
            workload_api=workload_api.settings(verifiers) if workload_api.enabled else None,
            sds=sds.settings(verifiers) if sds.enabled else None,
            jwks_socket=self._jwks_path,
            jwks=self.jwks.settings(limits) if self.jwks.enabled else None,
            allow_unauthenticated_verifiers=verifiers,
            outputs=tuple(each.plan(path.absolute().parent) for each in self.outputs),
            metrics=self.metrics.settings(path.absolute().parent),
            limits=limits,
            log_level=self.logging.level,
            log_format=self.logging.format,
        )


def load_config(path: Path) -> Config:
    """Read and check the file at ``path``, its entries included.

    Raises:
        ConfigError: every mistake in it, with line and key.
    """
    return parse_config(read_trusted(path), path)


def parse_config(text: str, path: Path) -> Config:
    """Check ``text``, the content of the file at ``path``; see :func:`load_config`."""
    data, lines = load(text, str(path))
    if not isinstance(data, dict):
        raise ConfigError([Mistake(str(path), 1, "", "expected keys and values at the top")])
    wrong = _entry_mistakes(data, str(path), lines)
    config = None
    try:
        config = Config.model_validate(_with_places(data, str(path), wrong))
    except ValidationError as error:
        wrong = mistakes(error, Config, str(path), lines) + wrong
    else:
        wrong += _contradictions(config, str(path), lines)
    if config is None or wrong:
        raise ConfigError(wrong)
    return _absolute(config, path.parent)


def _with_places(data: dict[str, Plain], path: str, wrong: list[Mistake]) -> dict[str, Plain]:
    """Return ``data`` with the places it does not name; those without a default are mistakes."""
    found: dict[str, Plain] = {}
    for key, place in _PLACES.items():
        try:
            found[key] = "/" if key in data else str(place())
        except ValueError as error:
            wrong.append(Mistake(path, None, key, str(error)))
            found[key] = "/"
    return found | data


def _entry_mistakes(data: dict[str, Plain], path: str, lines: Lines) -> list[Mistake]:
    try:
        trust_domain = TrustDomain.parse(str(data.get("trust_domain")))
    except SpiffeIdError:
        return []  # every entry would only be wrong about the same thing
    reader = EntryReader(path, lines, trust_domain, EntryDefaults())
    return [*duplicates(reader.read(data)), *reader.mistakes]


def _contradictions(config: Config, path: str, lines: Lines) -> list[Mistake]:
    found = contradictions(
        config.federation.settings().relationships,
        config.trust_domain,
        config.authority.embedded.federated_bundles,
    )
    where = ("federation", "relationships")
    return [Mistake(path, lines.line(where), ".".join(where), reason) for reason in found]


def _absolute(config: Config, folder: Path) -> Config:
    """Let every path start at ``folder``."""
    at = folder.absolute()
    embedded = config.authority.embedded
    bundles = {name: at / path for name, path in embedded.federated_bundles.items()}
    embedded = embedded.model_copy(update={"federated_bundles": bundles})
    return config.model_copy(
        update={
            "data_dir": at / config.data_dir,
            "socket": at / config.socket,
            "admin_socket": at / config.admin_socket,
            "jwks_socket": config.jwks_socket and at / config.jwks_socket,
            "entries_dir": config.entries_dir and at / config.entries_dir,
            "attestation": config.attestation.at(at),
            "federation": config.federation.at(at),
            "authority": config.authority.model_copy(update={"embedded": embedded}),
        }
    )
