"""The attestors that the configuration names; what one needs is imported only with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from accredit.agent.plan import Plan
from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.containers.runtime import Runtimes
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.attestation.unix import UnixAttestor
from accredit.identity.clock import Clock
from accredit.identity.errors import ConfigError, Mistake


def attestors(plan: Plan, clock: Clock) -> Sequence[WorkloadAttestor]:
    """Return them; nothing of them runs yet."""
    return [
        UnixAttestor(plan.unix, clock),
        *_containers(plan.containers, clock),
        *_kubernetes(plan.k8s, clock),
        *_linux(plan.linux),
        *_systemd(plan.systemd),
        *_plugins(plan.plugins),
    ]


@runtime_checkable
class Working(Protocol):
    """An attestor that is a component as well: it works while nobody calls."""

    @property
    def name(self) -> str:
        """What the logs call it."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


def working(asked: Sequence[WorkloadAttestor]) -> Sequence[Working]:
    """Return those that have to run for the others' sake."""
    return [each for each in asked if isinstance(each, Working)]


def _containers(runtimes: Runtimes, clock: Clock) -> Iterator[WorkloadAttestor]:
    if runtimes == Runtimes():
        return
    try:
        from accredit.attestation.containers.attestor import ContainerAttestor  # noqa: PLC0415
        from accredit.attestation.containers.rootless import UserContainerAttestor  # noqa: PLC0415
    except ImportError as error:
        raise _needs("containers", error) from error
    yield ContainerAttestor(runtimes, clock)
    if runtimes.users is not None:
        yield UserContainerAttestor(runtimes.users, clock)


def _kubernetes(settings: KubernetesSettings | None, clock: Clock) -> Iterator[WorkloadAttestor]:
    if settings is None:
        return
    try:
        from accredit.attestation.kubernetes.attestor import KubernetesAttestor  # noqa: PLC0415
    except ImportError as error:
        raise _needs("kubernetes", error) from error
    yield KubernetesAttestor(settings, clock)


def _needs(extra: str, error: ImportError) -> ConfigError:
    reason = f"this takes {error.name}: pip install 'accredit[{extra}]'"
    return ConfigError([Mistake("attestation", None, extra, reason)])


def _plugins(plugins: Sequence[PluginSettings]) -> Iterator[WorkloadAttestor]:
    for each in plugins:
        from accredit.attestation.plugins.attestor import PluginAttestor  # noqa: PLC0415

        yield PluginAttestor(each)


def _linux(settings: LinuxSettings | None) -> Iterator[WorkloadAttestor]:
    if settings is not None:
        from accredit.attestation.linux.attestor import LinuxAttestor  # noqa: PLC0415

        yield LinuxAttestor(settings)


def _systemd(settings: SystemdSettings | None) -> Iterator[WorkloadAttestor]:
    if settings is None:
        return
    from accredit.attestation.systemd.attestor import SystemdAttestor  # noqa: PLC0415
    from accredit.attestation.systemd.user import SystemdUserAttestor  # noqa: PLC0415

    yield SystemdAttestor(settings)
    if settings.user_units:
        yield SystemdUserAttestor(settings)
