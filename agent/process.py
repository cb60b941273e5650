"""From a configuration file to an exit code."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from accredit.agent import logs, long_life
from accredit.agent.checked import checked
from accredit.agent.plan import Plan
from accredit.agent.run import explain, run
from accredit.agent.sd_notify import SystemdNotifier
from accredit.identity.errors import AccreditError


def main(path: Path) -> int:
    """Run the agent that the file at ``path`` describes; return the process's exit code.

    Raises:
        ConfigError: the file has mistakes.
    """
    long_life.begin()
    supervisor = SystemdNotifier.from_environment()
    with _uncollected():
        plan = checked(path, _plan, _load)
    logs.to_stderr(plan.log_level, plan.log_format)
    return long_life.run(_run(plan, supervisor), supervisor)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Load without the garbage collector, and never have it look at what was loaded.

    Code stays as long as the process. Walking it took a sixteenth of a start, and is what made
    full collections long later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _plan(path: Path) -> Plan:
    from accredit.agent.config import load_config  # noqa: PLC0415  in the child only

    return load_config(path).plan(path)


def _load() -> None:
    import_module("accredit.agent.wiring")


async def _run(plan: Plan, supervisor: SystemdNotifier) -> int:
    from accredit.agent.wiring import wired  # noqa: PLC0415  loaded while the file was checked

    try:
        async with wired(plan) as agent:
            return await run(agent, supervisor)
    except AccreditError as error:
        explain(error)
        return 1
