"""A connected workload that is what a test says, and may change or die."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.attestation.evidence import Evidence
from accredit.identity.errors import AttestationError
from accredit.identity.selector import Selector
from support.subscribers import Subscribers


@dataclass
class FakeCaller:
    """The same process for as long as it is ``alive``."""

    pid: int = 4711
    uid: int = 1000
    gid: int = 1000
    alive: bool = True

    def require_same(self) -> None:
        if not self.alive:
            raise AttestationError(f"caller {self.pid} has exited")


class FakeWorkload:
    """Has the selectors it was made with until ``become`` gives it others."""

    def __init__(self, *selectors: str, caller: FakeCaller | None = None) -> None:
        self.caller = caller or FakeCaller()
        self._attested = False
        self.subscribers = Subscribers()
        self.subscribe = self.subscribers.add
        self.become(*selectors or ("unix:uid:1000",))

    async def evidence(self) -> Evidence:
        # Like the real one: who attested once is not looked at again here.
        if not self._attested:
            self.caller.require_same()
            self._attested = True
        return self._evidence

    def become(self, *selectors: str) -> None:
        self._evidence = Evidence(frozenset(Selector.parse(text) for text in selectors))
        self.subscribers.tell()
