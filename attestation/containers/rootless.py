"""The ``podman-user`` attestor: containers that users run with a Podman of their own.

Such a user owns the cgroups, the containers and the daemon that describes them, and may have any
of them say anything. So the type is another one than root's, and each selector begins with the
user whose word it is: ``podman-user:1000:label:app:checkout``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from accredit.attestation.caller import KernelCaller
from accredit.attestation.cgroups.locate import Locator
from accredit.attestation.containers.engine import Engine
from accredit.attestation.containers.inspected import selectors_of
from accredit.attestation.containers.inspection import Inspection
from accredit.attestation.containers.runtime import Runtime, is_podmans
from accredit.attestation.evidence import Evidence
from accredit.identity.clock import Clock
from accredit.identity.errors import AttestationError, NotFoundError

_NOTHING = Evidence(frozenset())
_ROOT = 0
_MAX_USERS = 64


class UserContainerAttestor:
    """Vouches for whose container it is, and passes on what that user says of it."""

    name = "podman-user"

    def __init__(self, runtime: Runtime, clock: Clock, locator: Locator | None = None) -> None:
        self._runtime = runtime
        self._clock = clock
        self._locator = locator or Locator()
        self._inspections: OrderedDict[int, Inspection] = OrderedDict()

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the selectors of the caller's container; none outside a user's container."""
        with caller.opened() as process:
            located = self._locator.locate(process)
        if located is None or located.owner == _ROOT:
            return _NOTHING
        if not all(is_podmans(folder) for folder in located.container.folders.values()):
            return _NOTHING
        try:
            found = await self._inspection(located.owner).of(located.container)
        except NotFoundError as error:
            raise AttestationError(str(error)) from error
        values = found.values(env=self._runtime.env)
        return Evidence(selectors_of(self.name, _of_user(located.owner, values)))

    def _inspection(self, user: int) -> Inspection:
        inspection = self._inspections.get(user)
        if inspection is None:
            engine = Engine(self._runtime.of_user(user))
            inspection = self._inspections[user] = Inspection(engine, self._clock)
        self._inspections.move_to_end(user)
        if len(self._inspections) > _MAX_USERS:
            self._inspections.popitem(last=False)
        return inspection


def _of_user(user: int, values: Iterator[str]) -> Iterator[str]:
    return (f"{user}:{value}" for value in values)
