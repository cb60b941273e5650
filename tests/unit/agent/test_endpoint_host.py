"""Another bundle endpoint in place of the one before, while the agent runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.eventually import eventually

from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.agent.endpoint_host import EndpointHost
from accredit.authority.federation.relationship import Profile
from accredit.identity.errors import ConfigError, Mistake, UnavailableError


def at(port: int) -> EndpointSettings:
    return EndpointSettings(Address("127.0.0.1", port), Profile.SPIFFE)


class Part:
    """Works like one of an endpoint; ``trouble`` ends it before it is ready, or ``late``."""

    def __init__(
        self, name: str, log: list[str], trouble: Exception | None = None, *, late: bool = False
    ) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._log = log
        self._trouble = trouble
        self._late = late

    async def run(self) -> None:
        if self._trouble is not None and not self._late:
            raise self._trouble
        self._log.append(f"+{self.name}")
        self.ready.set()
        try:
            await asyncio.sleep(0)
            if self._trouble is not None:
                raise self._trouble
            await asyncio.Event().wait()
        finally:
            self._log.append(f"-{self.name}")


class Bench:
    """``log`` says what began and ended; ``troubles`` are of ports that cannot be served."""

    def __init__(self, settings: EndpointSettings | None, *, late: bool = False) -> None:
        self._late = late
        self.log: list[str] = []
        self.troubles: dict[int, Exception] = {}
        self.host = EndpointHost(settings, self._parts)

    def _parts(self, settings: EndpointSettings) -> tuple[Part, Part]:
        port = settings.listen.port
        return (
            Part(f"id{port}", self.log),
            Part(f"server{port}", self.log, self.troubles.get(port), late=self._late),
        )

    async def has(self, *log: str) -> None:
        await eventually(lambda: self.log == list(log), 20)


@asynccontextmanager
async def hosted(settings: EndpointSettings | None) -> AsyncIterator[Bench]:
    bench = Bench(settings)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.host.run())
        await bench.host.ready.wait()
        yield bench
        task.cancel()


async def test_the_new_one_begins_when_the_old_one_has_ended_server_first() -> None:
    async with hosted(at(1)) as bench:
        bench.host.apply(at(1))
        bench.host.apply(at(2))
        first = ["+id1", "+server1", "-server1", "-id1"]
        await bench.has(*first, "+id2", "+server2")
        await eventually(lambda: bench.host.settings == at(2))


async def test_one_may_begin_and_end_while_the_agent_runs() -> None:
    async with hosted(None) as bench:
        assert bench.log == []
        bench.host.apply(at(1))
        await bench.has("+id1", "+server1")
        bench.host.apply(None)
        await bench.has("+id1", "+server1", "-server1", "-id1")
        await eventually(lambda: bench.host.settings is None)


@pytest.mark.parametrize(
    "trouble",
    [
        UnavailableError("federation.endpoint: cannot listen at 127.0.0.1:2: in use"),
        ConfigError([Mistake("k.pem", None, "", "is open to others")]),
    ],
)
async def test_one_that_cannot_be_served_leaves_the_old_one(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosted(at(1)) as bench:
        bench.troubles[2] = trouble
        bench.host.apply(at(2))
        first = ["+id1", "+server1", "-server1", "-id1"]
        await bench.has(*first, "+id2", "-id2", "+id1", "+server1")
        assert bench.host.settings == at(1)
        [record] = caplog.records
        assert record.message == "bundle endpoint not changed; it stays as it was"
        assert record.__dict__["error"] == str(trouble)
        assert bench.host.problem == f"{record.message}: {trouble}"
        bench.host.apply(at(1))
        assert bench.host.problem == ""
        bench.host.apply(at(3))
        await eventually(lambda: bench.host.settings == at(3))
        assert bench.host.problem == ""


async def test_where_neither_can_be_served_nothing_is_and_the_next_one_is_tried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The old one's files may be gone, or its address another's; the agent has more to do."""
    async with hosted(at(1)) as bench:
        bench.troubles |= {1: UnavailableError("in use"), 2: UnavailableError("in use, too")}
        bench.host.apply(at(2))
        await eventually(lambda: bench.host.settings is None)
        assert [each.__dict__["error"] for each in caplog.records] == ["in use, too", "in use"]
        off = "bundle endpoint cannot be served as before; it is off"
        assert caplog.records[1].message == off
        assert bench.host.problem == f"{off}: in use"
        del bench.troubles[1]
        bench.host.apply(at(1))
        await eventually(lambda: bench.host.settings == at(1))


async def test_one_that_breaks_while_it_is_served_ends_the_agent() -> None:
    bench = Bench(at(1), late=True)
    bench.troubles[1] = UnavailableError("broken")
    with pytest.raises(ExceptionGroup) as found:
        async with asyncio.timeout(20):
            await bench.host.run()
    assert found.group_contains(UnavailableError, match="broken")


async def test_one_that_cannot_be_served_at_the_start_is_an_error() -> None:
    bench = Bench(at(1))
    bench.troubles[1] = UnavailableError("in use")
    with pytest.raises(ExceptionGroup) as found:
        await bench.host.run()
    assert found.group_contains(UnavailableError, match="in use")
    assert not bench.host.ready.is_set()


async def test_a_bug_is_no_trouble_that_could_be_got_over() -> None:
    bench = Bench(None)
    bench.troubles[1] = ValueError("a bug")
    bench.host.apply(at(1))
    with pytest.raises(ExceptionGroup) as found:
        await bench.host.run()
    assert found.group_contains(ValueError)
