"""The demo from start to verdict."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from accredit.agent.demo import ready, strangers
from accredit.agent.demo.apps import checkout, payments
from accredit.agent.demo.processes import child
from accredit.agent.demo.tally import Tally
from accredit.agent.demo.world import CHECKOUT, World
from accredit.identity.errors import UnavailableError

_START_SECONDS = 60
_ONCE_SECONDS = 90
_ENOUGH_ROTATIONS = 2

Say = Callable[[str], None]


async def tell(envoy: Path, ttl: timedelta, *, once: bool, say: Say) -> bool:
    """Run the demo and return whether all of it held.

    With ``once`` it ends when both certificates have rotated twice; else when it is cancelled.
    """
    with tempfile.TemporaryDirectory(prefix="accredit-demo-") as folder:
        world = World(Path(folder), ttl)
        world.build(envoy)
        tally = Tally()
        refusals: list[str | None] = []
        try:
            await _play(world, tally, refusals, once=once, say=say)
        except UnavailableError:
            say(_last_words(world.folder))
            raise
        except asyncio.CancelledError:
            if once:
                raise
        return _verdict(tally, refusals, say)


async def _play(
    world: World, tally: Tally, refusals: list[str | None], *, once: bool, say: Say
) -> None:
    changed = asyncio.Event()

    def sidecar_line(line: str) -> None:
        if news := tally.log_line(line):
            say(news)
            changed.set()

    def app_line(line: str) -> None:
        tally.app_line(line)
        changed.set()

    async with AsyncExitStack() as running:
        await _start(world, running, sidecar_line, say)
        # Last in, first out: the caller stops before what it calls.
        await running.enter_async_context(
            child(
                *_python(checkout.__file__, f"http://127.0.0.1:{world.way_out.port}/pay"),
                log=world.folder / "app.log",
                line=app_line,
            )
        )
        await _until(changed, lambda: bool(tally.told and tally.server.serials), _START_SECONDS)
        say(f'payments says: "I was called by {tally.told.copy().pop()}"')
        say(f"checkout's sidecar talks to {tally.server.spiffe_id}")
        refusals += await _strangers(world, say)
        say(f"SVIDs live {world.ttl.total_seconds():.0f} s; requests go on while they rotate")
        await _until(
            changed,
            lambda: min(tally.server.rotations, tally.caller.rotations) >= _ENOUGH_ROTATIONS,
            _ONCE_SECONDS if once else None,
        )
        if not once:
            say("it goes on until you press Ctrl-C")
            await asyncio.Event().wait()


async def _start(
    world: World, running: AsyncExitStack, sidecar_line: Callable[[str], None], say: Say
) -> None:
    log = world.folder / "agent.log"
    async with ready.notified(world.folder, _START_SECONDS) as environment:
        agent = ("env", environment, *_python("-m", "accredit", "run", "-c", str(world.config)))
        await running.enter_async_context(child(*agent, log=log))
    say("agent up: own certificate authority for spiffe://demo.example, no server")
    app = _python(payments.__file__, str(world.app.port))
    await running.enter_async_context(child(*app, log=world.folder / "app.log"))
    for name in ("payments", "checkout"):
        envoy = (world.program(name), "-c", world.bootstrap(name), *_QUIET)
        await running.enter_async_context(
            child(*envoy, log=world.folder / "envoy.log", line=sidecar_line)
        )
    await ready.app(world.app, _START_SECONDS)
    for name in ("payments", "checkout"):
        await ready.envoy(world.admin(name), _START_SECONDS)
        say(f"{name}: plain HTTP app, real Envoy beside it has its identity and serves")


# Envoy keeps its access log for ten seconds unless told to write it sooner. Without hot restart it
# needs no shared memory, and leaves none behind when it is killed.
_QUIET = (
    "--log-level",
    "warning",
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--file-flush-interval-msec",
    "100",
)


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


async def _until(changed: asyncio.Event, held: Callable[[], bool], seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not held():
                changed.clear()
                await changed.wait()


async def _strangers(world: World, say: Say) -> list[str | None]:
    forged = strangers.forge(world.folder)
    tries = {
        "a stranger without a certificate": strangers.refused_by_tls(world.mtls, None),
        f"a stranger with a self-made {CHECKOUT}": strangers.refused_by_tls(world.mtls, forged),
        "a process without an entry, at the agent": strangers.refused_by_agent(world.socket),
    }
    refusals = []
    for who, attempt in tries.items():
        refusal = await attempt
        say(f"{who}: " + (f"refused ({refusal})" if refusal else "WAS LET IN"))
        refusals.append(refusal)
    return refusals


def _verdict(tally: Tally, refusals: list[str | None], say: Say) -> bool:
    say(
        f"requests sent {tally.requests}, failed {len(tally.failures)}, "
        f"rotations seen {tally.rotations}"
    )
    for failure in tally.failures[:5]:
        say(f"  failed: {failure}")
    return (
        tally.requests > 0
        and not tally.failures
        and tally.told == {str(CHECKOUT)}
        and len(refusals) > 0
        and all(refusals)
        and min(tally.server.rotations, tally.caller.rotations) >= _ENOUGH_ROTATIONS
    )


def _last_words(folder: Path) -> str:
    logs = (folder / name for name in ("agent.log", "app.log", "envoy.log"))
    return "\n".join(log.read_text()[-2000:] for log in logs if log.exists())
