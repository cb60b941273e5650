"""Sections of the configuration: what systemd and the kernel say of a caller's place."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from accredit.agent.config_types import Section, SocketPath, Switch
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.systemd.settings import SystemdSettings

_LINUX, _SYSTEMD = LinuxSettings(), SystemdSettings()


def _bus_path(value: object) -> object:
    return value.removeprefix("unix:path=") if isinstance(value, str) else value


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("expected the absolute path of a bus's socket")
    return value


class SystemdAttestor(Section):
    """The unit a caller is in, in the words of the system's manager; needs `accredit[systemd]`.

    See [Attestation](attestation.md).
    """

    bus: Annotated[SocketPath, BeforeValidator(_bus_path), AfterValidator(_absolute)] = Field(
        default=_SYSTEMD.bus,
        description="Socket of the bus that systemd is on. Who answers there must be root or the "
        "agent's own user.",
    )
    user_units: Switch = Field(
        default=_SYSTEMD.user_units,
        description="Give `systemd-user:` selectors, too: the unit of a user's own manager, in the "
        "words of that user.",
    )

    @model_validator(mode="after")
    def _can(self) -> Self:
        if find_spec("dbus_fast") is None:
            raise ValueError("asking systemd needs: pip install 'accredit[systemd]'")
        return self

    def settings(self) -> SystemdSettings:
        """Return what the attestor takes."""
        return SystemdSettings(**dict(self))


class LinuxAttestor(Section):
    """Where the kernel keeps a caller apart from others; see [Attestation](attestation.md)."""

    cgroup: Switch = Field(
        default=_LINUX.cgroup, description="Give `linux:cgroup`, where the cgroup is root's."
    )
    namespaces: Switch = Field(
        default=_LINUX.namespaces,
        description="Give `linux:host` or `linux:container`. Needs root or CAP_SYS_PTRACE for "
        "other users' processes.",
    )
    label: Switch = Field(
        default=_LINUX.label,
        description="Give `linux:selinux` and `linux:selinux_type`, or `linux:apparmor`, while "
        "they are enforced.",
    )
    login: Switch = Field(
        default=_LINUX.login,
        description="Give `linux:no_login` to what does not descend from a login.",
    )

    def settings(self) -> LinuxSettings:
        """Return what the attestor takes."""
        return LinuxSettings(**dict(self))
