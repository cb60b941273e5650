"""The ``linux`` attestor. SPIRE has no such type: its ``unix`` may grow, and never into ours.

Left out is what proves nothing. A parent may have died and its number be another's; session and
process group are anybody's to leave or to found; the login's user can be written by each process
that has none yet; names, arguments and environment are the workload's own. What a process may
join but never leave, or only root can give, is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from accredit.attestation.caller import KernelCaller
from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.evidence import Evidence, joined
from accredit.attestation.linux.cgroup import cgroup
from accredit.attestation.linux.label import label
from accredit.attestation.linux.login import login
from accredit.attestation.linux.place import place
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.process import Process

_SYS = Path("/sys")

_Look = Callable[[Process], Evidence]


class LinuxAttestor:
    """Vouches for cgroup, security label and namespaces, each fact costing only itself."""

    name = "linux"

    def __init__(
        self, settings: LinuxSettings, hierarchies: Hierarchies | None = None, sysfs: Path = _SYS
    ) -> None:
        self._looks = tuple(_looks(settings, hierarchies or Hierarchies(), sysfs))

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return what the kernel says; none of it waits for anybody else."""
        with caller.opened() as process:
            parts = [look(process) for look in self._looks]
        return joined(parts)


def _looks(settings: LinuxSettings, hierarchies: Hierarchies, sysfs: Path) -> Iterator[_Look]:
    if settings.cgroup:
        yield lambda process: cgroup(process, hierarchies)
    if settings.namespaces:
        yield place
    if settings.label:
        yield lambda process: label(process, sysfs)
    if settings.login:
        yield login
