"""The ``systemd`` attestor: selectors with SPIRE's names, and more."""

from __future__ import annotations

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.systemd.looks import Looks
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.attestation.systemd.unit import NAME, selectors


class SystemdAttestor:
    """Vouches for what the system's manager says of a process's unit."""

    name = NAME

    def __init__(self, settings: SystemdSettings) -> None:
        self._looks = Looks(settings.bus)

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the selectors of the caller's unit, none if it has no unit."""
        async with self._looks.at(caller) as (_, unit):
            pass  # on leaving, the caller is found to be the same
        return Evidence(frozenset(selectors(unit) if unit else ()))
