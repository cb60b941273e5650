"""The sections of the configuration that have containers told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from accredit.agent.config_types import Duration, Section, SocketPath, Switch, Unit
from accredit.attestation.containers.runtime import UID, Runtime, Runtimes

_DOCKER = Runtime("docker", Path("/var/run/docker.sock"))
_PODMAN = Runtime("podman", Path("/run/podman/podman.sock"))
_USERS = Path(f"/run/user/{UID}/podman/podman.sock")
_ENV = (
    "Give `{type}:env:KEY=VALUE`, too. Variables often are secrets, and selectors are shown by "
    "`accredit entry`."
)
_TIMEOUT = "How long one answer may take; a caller's attestation takes two."


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("expected an absolute path")
    return path


def _with_uid(path: Path) -> Path:
    if UID not in str(path):
        raise ValueError(f"expected a path with {UID} in it, which stands for the user")
    return _absolute(path)


_EngineSocket = Annotated[SocketPath, AfterValidator(_absolute)]
_UserSocket = Annotated[SocketPath, AfterValidator(_with_uid), Unit("path")]


class Docker(Section):
    """Containers of Docker, asked at its API; `docker: {}` switches it on.

    Selectors are SPIRE's: `docker:label:KEY:VALUE`, `docker:image_id:...`,
    `docker:image_config_digest:sha256:...`, and `docker:name:...`. What each is worth is in
    `docs/attestation.md`. Needs `pip install 'accredit[containers]'`.
    """

    socket: _EngineSocket = Field(
        default=_DOCKER.socket, description="Where its API is. Root has to serve it."
    )
    env: Switch = Field(default=_DOCKER.env, description=_ENV.format(type="docker"))
    timeout: Duration = Field(default=_DOCKER.timeout, description=_TIMEOUT)

    def runtime(self) -> Runtime:
        """Return what the attestor takes."""
        return Runtime(_DOCKER.name, self.socket, env=self.env, timeout=self.timeout)


class Podman(Section):
    """Containers of root's Podman, asked at its API; `podman: {}` switches it on.

    They have the same selectors as Docker's, `docker:...`, as with SPIRE. Needs
    `pip install 'accredit[containers]'`, and `systemctl enable --now podman.socket`.
    """

    socket: _EngineSocket = Field(
        default=_PODMAN.socket, description="Where its API is. Root has to serve it."
    )
    env: Switch = Field(default=_PODMAN.env, description=_ENV.format(type="docker"))
    users: Switch = Field(
        default=False,
        description="Give `podman-user:UID:...` to containers that users run with a Podman of "
        "their own. Each such selector is the word of that user, who can make up any.",
    )
    users_socket: _UserSocket = Field(
        default=_USERS,
        description=f"Where the API of a user's Podman is; `{UID}` stands for the user.",
    )
    timeout: Duration = Field(default=_PODMAN.timeout, description=_TIMEOUT)

    def runtime(self) -> Runtime:
        """Return what the attestor takes."""
        return Runtime(_PODMAN.name, self.socket, env=self.env, timeout=self.timeout)

    def of_users(self) -> Runtime | None:
        """Return what the attestor of users' containers takes, if there is to be one."""
        if not self.users:
            return None
        return Runtime(_PODMAN.name, self.users_socket, env=self.env, timeout=self.timeout)


def runtimes(docker: Docker | None, podman: Podman | None) -> Runtimes:
    """Return all daemons that are to be asked."""
    return Runtimes(
        docker=docker.runtime() if docker else None,
        podman=podman.runtime() if podman else None,
        users=podman.of_users() if podman else None,
    )
