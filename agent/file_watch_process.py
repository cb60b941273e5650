"""The life of ``accredit file watch``: from a file to an exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from accredit.agent import cli_file_options, logs, long_life
from accredit.agent.client import WorkloadApiClient
from accredit.agent.config_file_watch import FileWatch, load_file_watch
from accredit.agent.grpcio import be_quiet
from accredit.agent.output_once import expected
from accredit.agent.output_plan import OutputPlan
from accredit.agent.output_watch import OutputWatch
from accredit.agent.run import explain
from accredit.agent.sd_notify import SystemdNotifier
from accredit.rotation.clock import SystemClock

_logger = logging.getLogger(__name__)


def main(path: Path, socket: str | None) -> int:
    """Keep files fresh until a signal; return the process's exit code.

    Raises:
        ConfigError: the file has mistakes.
    """
    long_life.begin()
    notifier = SystemdNotifier.from_environment()
    found = load_file_watch(path)
    endpoint = cli_file_options.endpoint(socket, found.socket)
    logs.to_stderr(found.logging.level, found.logging.format)
    be_quiet()
    with closing(SystemClock()) as clock:
        client = WorkloadApiClient(endpoint, clock)
        read = partial(_read_again, path, found)
        metrics = found.metrics.settings(path.absolute().parent)
        watch = OutputWatch(client, clock, read, notifier, metrics)
        return long_life.run(_run(watch, found.plans(path)), notifier)


async def _run(watch: OutputWatch, plans: Sequence[OutputPlan]) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, watch.stop)
    loop.add_signal_handler(signal.SIGHUP, watch.reload)
    try:
        await watch.run(plans)
    except ExceptionGroup as group:
        explain(expected(group))
        return 1
    _logger.info("stopped")
    return 0


def _read_again(path: Path, first: FileWatch) -> tuple[OutputPlan, ...]:
    found = load_file_watch(path)
    if _lasting(found) != _lasting(first):
        _logger.warning("a change of socket, logging or metrics needs a restart")
    return found.plans(path)


def _lasting(of: FileWatch) -> tuple[object, ...]:
    return of.socket, of.logging, of.metrics
