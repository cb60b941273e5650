"""The hot paths, each run against a freshly started server."""

from __future__ import annotations

import shutil
import time

from bench.processes import client
from bench.report import Aim, Results, percentile
from bench.servers import Agent, Floor

Side = Agent | Floor

_CONNECTIONS = 1000
_PUSHES = 3
_STREAMS_BEFORE = 50
_PULSE_SECONDS = 1.0


def first_svid(side: Side, results: Results) -> None:
    """A new connection to its first SVID, alone and sixteen at a time."""
    with side.serving() as server, client(server.socket) as load:
        load.do("first")
        load.do("churn", count=50, parallel=8)
        for parallel in (1, 16):
            before, started = server.usage(), time.monotonic()
            took = load.do("churn", count=_CONNECTIONS, parallel=parallel)
            rate = len(took) / (time.monotonic() - started)
            cpu = (server.usage().cpu_seconds - before.cpu_seconds) / len(took)
            name = f"first SVID, {parallel} at a time"
            aim = Aim("p99 <= 2 x floor", 2, of_ratio=True)
            results.add(f"{name}: p50", "ms", side.name, percentile(took, 0.5) * 1e3)
            results.add(f"{name}: p99", "ms", side.name, percentile(took, 0.99) * 1e3, aim)
            results.add(f"{name}: connections", "/s", side.name, rate)
            results.add(f"{name}: CPU of the server", "ms", side.name, cpu * 1e3)


def crowd(side: Side, results: Results) -> None:
    """A thousand new connections in one moment, beside one that has been there before."""
    with side.serving() as server, client(server.socket) as load, client(server.socket) as other:
        load.do("first")
        load.do("churn", count=50, parallel=8)
        alone = other.do("pulse", seconds=_PULSE_SECONDS)
        idle = server.settled().rss_kib
        other.begin("pulse", seconds=3 * _PULSE_SECONDS)
        time.sleep(_PULSE_SECONDS / 2)
        started = time.monotonic()
        took = load.do("churn", count=_CONNECTIONS, parallel=_CONNECTIONS)
        lasted = time.monotonic() - started
        beside = other.end("pulse")
        name = f"{_CONNECTIONS:,} new callers at once"
        results.add(f"{name}: all have an SVID after", "s", side.name, lasted)
        results.add(f"{name}: p50", "s", side.name, percentile(took, 0.5))
        above = (server.peak_kib() - idle) / 1024
        results.add(f"{name}: memory at the most, above idle", "MiB", side.name, above)
        who = "an older caller's request"
        results.add(f"{who}, alone: p50", "ms", side.name, percentile(alone, 0.5) * 1e3)
        results.add(f"{who}, beside them: p50", "ms", side.name, percentile(beside, 0.5) * 1e3)
        results.add(f"{who}, beside them: longest", "ms", side.name, max(beside) * 1e3)


def fan_out(side: Side, results: Results, streams: int, *, repeat_node: bool = False) -> None:
    """One new SVID to every SDS stream, each on its own connection."""
    with side.serving() as server, client(server.socket) as load:
        load.do("first")
        load.do("open", count=streams, parallel=32, repeat_node=repeat_node)
        for _ in range(_PUSHES):
            before = server.settled()
            load.do("arm")
            side.push(server)
            arrived = load.do("gather")
            cpu = server.settled().cpu_seconds - before.cpu_seconds
            name = f"one rotation to {streams:,} streams" + ", 60 KB ACKs" * repeat_node
            aim = Aim("< 1 s", 1000) if streams == 1000 else None
            spread = max(arrived) - min(arrived)
            results.add(f"{name}: first to last", "ms", side.name, spread * 1e3, aim)
            results.add(f"{name}: CPU", "ms", side.name, cpu * 1e3)


def memory(side: Side, results: Results, streams: int) -> None:
    """What an idle SDS stream, alone on its connection, adds to the server's memory.

    Some streams are open before the counting begins: the first ones load code and tables, which is
    shown in the total but is not theirs.
    """
    with side.serving() as server, client(server.socket) as load:
        load.do("first")
        idle = server.settled().rss_kib
        results.add("idle, no streams", "MiB", side.name, idle / 1024, Aim("<= 60 MiB", 60))
        load.do("open", count=_STREAMS_BEFORE, parallel=32)
        before = server.settled().rss_kib
        load.do("open", count=streams, parallel=32)
        after = server.settled().rss_kib
        name, aim = f"memory of an idle stream, at {streams:,}", Aim("<= 64 KiB", 64)
        results.add(name, "KiB", side.name, (after - before) / streams, aim)
        results.add(f"{name}: in all", "MiB", side.name, after / 1024)


def cold_start(side: Side, results: Results) -> None:
    """From starting the process to an SVID in the hands of a client that was waiting for it."""
    with client(side.socket) as load:
        load.do("warm_up")
        with side.serving() as server:
            took = load.do("first") - server.started
            cpu = server.usage().cpu_seconds
    results.add("cold start to first SVID", "s", side.name, took, Aim("< 0.6 s", 0.6))
    results.add("cold start: CPU of the server", "s", side.name, cpu)


def first_start(agent: Agent, results: Results) -> None:
    """The same where there is no data folder yet."""
    shutil.rmtree(agent.folder / "data", ignore_errors=True)
    with client(agent.socket) as load:
        load.do("warm_up")
        with agent.serving() as server:
            took = load.do("first") - server.started
    results.add("very first start to first SVID", "s", agent.name, took)
