"""The life of ``accredit envoy run``: from a sidecar file to an exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from accredit.agent import logs, long_life
from accredit.agent.outlet import Outlet
from accredit.agent.run import explain
from accredit.agent.sd_notify import SystemdNotifier
from accredit.agent.sidecar_bootstrap import bootstrap
from accredit.agent.sidecar_source import SidecarSource, require_fit, watching
from accredit.agent.socket_path import answers, make_folder
from accredit.envoy.supervise.arguments import Options
from accredit.envoy.supervise.expected import expected
from accredit.envoy.supervise.folder import run_folder
from accredit.envoy.supervise.process import EnvoyProcess
from accredit.envoy.supervise.supervisor import Supervisor
from accredit.envoy.supervise.validation import validate
from accredit.identity.errors import AccreditError, ConfigError, Mistake, StoreError
from accredit.rotation.clock import SystemClock

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for. Without ``run_dir`` it is the folder of the admin socket."""

    file: Path
    profile: str
    envoy: Path
    run_dir: Path | None
    options: Options


def main(request: Request) -> int:
    """Run the sidecar; return the process's exit code."""
    long_life.begin()
    notifier = SystemdNotifier.from_environment()
    outlet = logs.to_stderr("info", "text")
    try:
        return long_life.run(_run(request, notifier, outlet), notifier)
    except AccreditError as error:
        explain(error)
        return 1
    except asyncio.CancelledError:
        _logger.info("stopped")
        return 0


async def _run(request: Request, notifier: SystemdNotifier, outlet: Outlet) -> int:
    # As long as there is no Envoy, to stop is to leave everything as it was.
    _on_stop(_current_task().cancel)
    with watching(request.file) as watch, closing(SystemClock()) as clock:
        source = SidecarSource(
            request.file, watch, partial(bootstrap, request.file, request.profile)
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, source.reload)
        text = await source.read()
        with run_folder(_place(request, text)) as folder:
            judge = partial(validate, request.envoy, folder.path)
            await require_fit(request.file, text, judge)
            start = partial(EnvoyProcess.start, request.envoy, outlet.write_bytes)
            supervisor = Supervisor(start, request.options, folder, notifier, clock)
            supervisor.want(text)
            return await _supervise(supervisor, source.follow(text, judge, supervisor.want))


async def _supervise(supervisor: Supervisor, following: Coroutine[None, None, None]) -> int:
    _handle_signals(supervisor)
    async with asyncio.TaskGroup() as tasks:
        follower = tasks.create_task(following, name="sidecar file")
        reason = await supervisor.run()
        follower.cancel()
    if reason:
        _logger.error("cannot go on", extra={"error": reason})
        return 1
    _logger.info("stopped")
    return 0


def _handle_signals(supervisor: Supervisor) -> None:
    _on_stop(supervisor.stop)
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGUSR1, supervisor.pass_on, signal.SIGUSR1
    )


def _on_stop(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


def _current_task() -> asyncio.Task[int]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  for mypy: coroutines run in tasks
    return task


def _place(request: Request, text: str) -> Path:
    """Return the folder to work in, once it is sure that nobody runs this sidecar already.

    Two Envoys of one user share a port without an error, so the port would not show it.
    """
    admin = expected(text).admin
    if not isinstance(admin, str):
        raise ConfigError([Mistake(str(request.file), None, "admin", "is no unix socket")])
    socket = Path(admin)
    make_folder(socket.parent, 0o700)
    if not os.access(socket.parent, os.W_OK | os.X_OK):
        why = f"may not be written to by uid {os.geteuid()}"
        raise StoreError(socket.parent, why, "give it to the user this sidecar runs as")
    if answers(socket):
        raise StoreError(socket, "an Envoy answers here", "is this sidecar already running?")
    return request.run_dir or socket.parent
