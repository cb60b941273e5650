"""A Workload API without a transport: requests in, decoded answers out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from google.protobuf.message import Message

from accredit.authority.entry import Entry
from accredit.identity.errors import AccreditError
from accredit.rotation.delivery import Call
from accredit.rotation.identities import Identities
from accredit.workload_api.proto import workload_pb2 as pb
from accredit.workload_api.service import WorkloadApi
from accredit.workload_api.settings import WorkloadApiSettings
from support.clock import FakeClock
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload

HEADER = {"workload.spiffe.io": ("true",)}
_METHODS = pb.DESCRIPTOR.services_by_name["SpiffeWorkloadAPI"].methods_by_name


class WorkloadApiBench:
    """Entries, an authority that works, and the service; ``ready`` is what a test says."""

    def __init__(self, *entries: Entry, clock: FakeClock | None = None, **settings: Any) -> None:
        self.clock, self.ready = clock or FakeClock(), True
        self.authority = FakeAuthority(self.clock, *entries)
        self.identities = Identities(self.authority, self.clock)
        self.service = WorkloadApi(
            self.identities, WorkloadApiSettings(**settings), self.clock, lambda: self.ready
        )
        self.web = FakeWorkload("unix:uid:1000")

    def call(self, method: str, request: Message | None = None, **how: Any) -> Stream:
        return Stream(self, method, request or pb.X509SVIDRequest(), **how)

    async def ask(self, method: str, request: Message | None = None, **how: Any) -> Any:
        """Return the first answer, or raise the error instead of it."""
        stream = self.call(method, request, **how)
        async for answer in stream.answers():
            return answer
        raise AssertionError(f"{method} ended without an answer")


class Stream:
    """One call; run it as a component. ``seen`` are the answers, ``error`` is how it ended."""

    def __init__(
        self,
        bench: WorkloadApiBench,
        method: str,
        request: Message,
        workload: FakeWorkload | None = None,
        metadata: Mapping[str, tuple[str, ...]] = HEADER,
    ) -> None:
        self._method = next(each for each in bench.service.methods if each.name == method)
        self._request = request
        self._call = Call(workload or bench.web, metadata)
        self.seen: list[Any] = []
        self.error: AccreditError | None = None

    async def run(self) -> None:
        try:
            async for answer in self.answers():
                self.seen.append(answer)
        except AccreditError as error:
            self.error = error

    async def answers(self) -> AsyncIterator[Any]:
        kind = getattr(pb, _METHODS[self._method.name].output_type.name)
        async for answer in self._method.handler(self._requests(), self._call):
            yield kind.FromString(answer)

    async def _requests(self) -> AsyncIterator[Any]:
        yield self._method.decode(self._request.SerializeToString())
