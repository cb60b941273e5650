"""The ``unix`` attestor: selectors with SPIRE's names, from the kernel's ids."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.identity.selector import Selector


class UnixAttestor:
    """Vouches for user, group and supplementary groups."""

    name = "unix"

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return ``unix:uid``, ``unix:gid`` and ``unix:supplementary_gid``."""
        with caller.opened() as process:
            ids = process.ids()
        return Evidence(frozenset(_selectors(caller, ids.groups)))


def _selectors(caller: KernelCaller, groups: tuple[int, ...]) -> Iterator[Selector]:
    yield Selector("unix", f"uid:{caller.uid}")
    yield Selector("unix", f"gid:{caller.gid}")
    for group in groups:
        yield Selector("unix", f"supplementary_gid:{group}")
