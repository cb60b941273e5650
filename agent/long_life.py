"""What each process needs that is to run for months, under a supervisor or as process 1."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any, TypeVar

from accredit.agent import orphans
from accredit.agent.sd_notify import SystemdNotifier
from accredit.identity.errors import UnavailableError

T = TypeVar("T")

_THREADS = 6
_BEATS = 3  # one that is lost, or late, is no death
_NOBODY = SystemdNotifier()


def begin() -> None:
    """Prepare the process; to be called before anything is opened or started."""
    _open_standard_streams()
    if orphans.is_first():
        orphans.end_on_sigterm()


def run(main: Coroutine[Any, Any, T], notifier: SystemdNotifier = _NOBODY) -> T:
    """Run ``main`` in an event loop, as asyncio.run does, that no lack of threads can end.

    For as long as that loop turns, ``notifier`` hears of it.

    Raises:
        UnavailableError: not even the first few threads can be started.
    """
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(_prepared(main, notifier))


class _Loop(asyncio.SelectorEventLoop):
    """Starts no thread at its end, as others do to wait for those of the pool.

    The interpreter waits for them, and nobody here ends before the work he gave them.
    """

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncio's own
        del timeout


async def _prepared(main: Coroutine[Any, Any, T], notifier: SystemdNotifier) -> T:
    loop = asyncio.get_running_loop()
    try:
        loop.set_default_executor(_all_started(_THREADS))
    except UnavailableError:
        main.close()
        raise
    _wait_for_children_without_threads(loop)
    if orphans.is_first():
        orphans.Burial().begin()
    if notifier.patience:
        _beat(loop, notifier)
    return await main


def _beat(loop: asyncio.AbstractEventLoop, notifier: SystemdNotifier) -> None:
    notifier.alive()
    loop.call_later(notifier.patience / _BEATS, _beat, loop, notifier)


def _open_standard_streams() -> None:
    """Open those that are closed, or what is opened next takes their numbers.

    Whatever writes to stderr, such as a library of grpcio's, would then write to a socket or file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)  # noqa: FBT003  takes no keyword
    os.close(descriptor)


def _all_started(threads: int) -> ThreadPoolExecutor:
    """Return a pool whose threads all run, so that it never has to start one.

    Otherwise work that is handed over while none can be started raises RuntimeError.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="work")
    together = Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(together.wait)
    except RuntimeError as error:
        together.abort()
        raise UnavailableError("no threads to work with: allow this process more") from error
    together.wait()
    return pool


def _wait_for_children_without_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Have Python 3.11 do as later ones do where the kernel allows it."""
    if sys.version_info < (3, 12):
        with suppress(OSError):  # a kernel before 5.3, or a filter of system calls
            os.close(os.pidfd_open(os.getpid()))
            watcher = asyncio.PidfdChildWatcher()
            watcher.attach_loop(loop)
            asyncio.set_child_watcher(watcher)
