"""Blocking calls in threads that nobody has to wait for.

``asyncio.to_thread`` shares one pool with everybody, and the event loop joins it at the end: a
name service that never answers would stop other work, and then the exit. These threads are
daemons, there are few of them, and an owner has one at a time, so what hangs is the owner's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from accredit.identity.errors import UnavailableError

T = TypeVar("T")


class Background(Generic[T]):
    """Runs blocking calls, at most ``threads`` at a time and one for each owner."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._slots = asyncio.Semaphore(threads)
        self._turns: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def run(self, owner: int, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, or raise what it raises, once it is the owner's turn.

        Cancelled, it leaves the thread to its work; the turn ends when the work does.

        Raises:
            UnavailableError: no thread can be started.
        """
        turn = self._turns.setdefault(owner, asyncio.Semaphore(1))
        await turn.acquire()
        try:
            await self._slots.acquire()
        except asyncio.CancelledError:
            turn.release()
            raise
        work = _Work(call, self._release(turn))
        try:
            threading.Thread(target=work.do, name=self._name, daemon=True).start()
        except RuntimeError as error:
            work.release()
            raise UnavailableError(f"no thread for {self._name}") from error
        return await work.future

    def _release(self, turn: asyncio.Semaphore) -> Callable[[], None]:
        def release() -> None:
            turn.release()
            self._slots.release()

        return release


class _Work(Generic[T]):
    """One call, and the future that hears of it in the event loop."""

    def __init__(self, call: Callable[[], T], release: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._call = call
        self.release = release
        self.future: asyncio.Future[T] = self._loop.create_future()

    def do(self) -> None:
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001  raised again where it is awaited
            self._tell(self._fail, error)
        else:
            self._tell(self._succeed, result)

    def _tell(self, outcome: Callable[..., None], value: T | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and all who waited with it
            self._loop.call_soon_threadsafe(outcome, value)

    def _succeed(self, result: T) -> None:
        self.release()
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, error: BaseException) -> None:
        self.release()
        if not self.future.done():
            self.future.set_exception(error)
