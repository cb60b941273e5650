"""The ``systemd-user`` attestor: units of users' own managers, in the words of those users."""

from __future__ import annotations

from accredit.attestation.caller import KernelCaller
from accredit.attestation.cgroups.membership import parse_memberships
from accredit.attestation.evidence import Evidence
from accredit.attestation.systemd.looks import Looks
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.attestation.systemd.user_unit import NAME, selectors, user_unit


class SystemdUserAttestor:
    """Tells a user's programs apart, as that user arranged them.

    That the unit is one of that user's is the word of the system's manager; which one it is, that
    user decides. The user's manager is not asked: it could only repeat what the cgroup says.
    """

    name = NAME

    def __init__(self, settings: SystemdSettings) -> None:
        self._looks = Looks(settings.bus)

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the selectors of the user's unit, none if it is in none."""
        async with self._looks.at(caller) as (process, unit):
            memberships = parse_memberships(process.read("cgroup"))
        found = user_unit(unit, memberships) if unit else None
        return Evidence(frozenset(selectors(found) if found else ()))
