"""``make bench``: measure everything, several times in turn, and print it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from bench import scenarios
from bench.processes import raise_file_limit
from bench.report import Aim, Results, machine
from bench.servers import Agent, Floor

Scenario = Callable[[], None]

_STREAMS = (1000, 5000)
_FILES_PER_STREAM = 3  # of the agent: the accepted socket and a pair of its own
_FILES_FOR_THE_REST = 300


def main() -> None:
    """Measure, print the table, write the JSON if asked to."""
    options = _options()
    results = Results()
    with tempfile.TemporaryDirectory(prefix="accredit-bench-") as folder:
        agent, floor = Agent(_made(folder, "agent")), Floor(_made(folder, "floor"))
        floor.record(agent)
        plan = _plan(agent, floor, results)
        for run in range(options.repeat):
            for name, scenario in plan:
                if options.only in name:
                    print(f"run {run + 1} of {options.repeat}: {name}", file=sys.stderr)
                    scenario()
    print(f"machine: {machine()}")
    print(results.table())
    if options.json:
        options.json.write_text(results.json())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make bench ARGS=", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of everything (3)")
    parser.add_argument("--only", default="", help="scenarios whose name has this in it")
    parser.add_argument("--json", type=Path, help="write every single run to this file")
    return parser.parse_args()


def _plan(agent: Agent, floor: Floor, results: Results) -> list[tuple[str, Scenario]]:
    affordable = (raise_file_limit() - _FILES_FOR_THE_REST) // _FILES_PER_STREAM
    counts = [streams for streams in _STREAMS if streams <= affordable]
    if len(counts) < len(_STREAMS):
        print(f"only {affordable} streams with this limit of open files", file=sys.stderr)
    plan: list[tuple[str, Scenario]] = [
        ("signing", partial(_signing, results)),
        ("matching", partial(_matching, results)),
    ]
    for side in (floor, agent):
        plan += [
            (f"cold-start {side.name}", partial(scenarios.cold_start, side, results)),
            (f"first-svid {side.name}", partial(scenarios.first_svid, side, results)),
            (f"crowd {side.name}", partial(scenarios.crowd, side, results)),
            *(
                (f"memory-{streams} {side.name}", partial(scenarios.memory, side, results, streams))
                for streams in counts
            ),
            *(
                (
                    f"fan-out-{streams} {side.name}",
                    partial(scenarios.fan_out, side, results, streams),
                )
                for streams in counts
            ),
            (
                f"fan-out-node {side.name}",
                partial(scenarios.fan_out, side, results, _STREAMS[0], repeat_node=True),
            ),
        ]
    plan.append(("first-start", partial(scenarios.first_start, agent, results)))
    return [*plan, ("files", partial(_files, results))]


def _files(results: Results) -> None:
    """Measure how fresh programs with files are; those that are not installed are left out."""
    command = [sys.executable, "-m", "bench.files"]
    environment = {**os.environ, "PYTHONPATH": "tests"}
    answer = subprocess.run(  # noqa: S603
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    ).stdout
    for program, seconds in json.loads(answer).items():
        name = f"switch to first handshake, {program}"
        results.add(f"{name}: median", "ms", "accredit", median(seconds) * 1e3)
        results.add(f"{name}: most", "ms", "accredit", max(seconds) * 1e3)


def _signing(results: Results) -> None:
    for side, rate in _alone("bench.signing").items():
        results.add("X.509-SVIDs signed", "/s", side, rate)


def _matching(results: Results) -> None:
    for name, microseconds in _alone("bench.matching").items():
        aim = Aim("p99 < 1 ms", 1000) if name.endswith("p99") else None
        results.add(f"one caller among 10,000 {name}", "µs", "accredit", microseconds, aim)


def _alone(module: str) -> dict[str, float]:
    """Return what a module prints as a process of its own."""
    command = [sys.executable, "-m", module]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    found: dict[str, float] = json.loads(answer)
    return found


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    main()
