"""Two real Envoys under load for as long as one likes, while SVIDs and roots rotate.

Prints what the agent holds as time goes by; fails if a request did. Started by ``make soak``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from support import sidecar_pair
from support.agent_process import AgentProcess
from support.load import Load

_TTL = timedelta(seconds=20)
_CONFIG = """
trust_domain: td.example
authority: {embedded: {publish_for: 2s, clock_skew: 1s}}
attestation: {unix: {discover_path: true}}
"""


def held(agent: AgentProcess) -> str:
    """Say what it holds: memory, descriptors, threads, what it has on disk, and what it logged."""
    process = Path(f"/proc/{agent.pid}")
    lines = process.joinpath("status").read_text(encoding="ascii").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    descriptors = len(list((process / "fd").iterdir()))
    return (
        f"{status['VmRSS'].strip()}  {descriptors} descriptors  {status['Threads'].strip()} threads"
        f"  data {_kib(agent.folder / 'data')} KiB  log {_kib(agent.log)} KiB"
    )


def _kib(path: Path) -> int:
    found = 0
    for each in path.rglob("*") if path.is_dir() else [path]:
        with suppress(FileNotFoundError):  # some come and go
            found += each.stat().st_size
    return found // 1024


def watch(
    agent: AgentProcess, pair: sidecar_pair.Pair, load: Load, options: argparse.Namespace
) -> None:
    """Print a line every ``--every`` seconds; rotate the root at each ``--rotate`` th of them."""
    start, serials = time.monotonic(), {pair.server.serial()}
    samples = int(options.seconds / options.every)
    for sample in range(1, samples + 1):
        while time.monotonic() - start < sample * options.every:
            time.sleep(1)
            serials.add(pair.server.serial())
        if sample % options.rotate == 0:
            agent.command("ca", "rotate", "-c", agent.config)
        print(
            f"{sample * options.every:>8} s  {load.kept.ok + load.fresh.ok:>10} requests"
            f"  {len(load.failures)} failed  {len(serials) - 1:>6} rotations"
            f"  {held(agent)}",
            flush=True,
        )


def main() -> int:
    """Run it; 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--every", type=int, default=30, help="seconds between two lines")
    parser.add_argument("--rotate", type=int, default=10, help="lines between two root rotations")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="accredit-") as name:
        folder = Path(name)
        entries = sidecar_pair.entries(folder, f"{_TTL.total_seconds():.0f}s")
        agent = AgentProcess(folder, _CONFIG + entries)
        with (
            agent.running(),
            sidecar_pair.running(folder, agent.socket, lifetime=_TTL / 8) as pair,
            Load(pair.port).running() as load,
        ):
            watch(agent, pair, load, options)
    for failure in load.failures[:10]:
        print(failure)
    return bool(load.failures)


if __name__ == "__main__":
    sys.exit(main())
