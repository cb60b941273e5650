"""The TPM behind one thread: libtss2 is not thread-safe, and a TPM takes its time.

The thread starts with the first question and opens the TPM with it. A connection that was lost is
opened anew, at once and for every later question, so a TPM that went away and came back is used
again without anybody's doing. Only so many may wait; the next one is refused rather than queued.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from datetime import timedelta
from queue import SimpleQueue
from typing import TypeVar

from accredit.attestation.tpm.answers import LostError, explained, is_final, is_full
from accredit.attestation.tpm.connection import Connection
from accredit.attestation.tpm.settings import TpmSettings
from accredit.attestation.tpm.tss import tss
from accredit.identity.errors import TpmUnavailableError

T = TypeVar("T")

_PATIENCE_AT_END = timedelta(seconds=2)


class Device:
    """A TPM that any thread may ask; ``close`` it at the end."""

    def __init__(self, settings: TpmSettings) -> None:
        self.settings = settings
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._places = threading.BoundedSemaphore(settings.waiting)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._lost: AbstractSet[bytes] = frozenset()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns in the TPM's thread, where it may :meth:`ask`.

        Cancelled before its turn, it is never begun.

        Raises:
            TpmUnavailableError: too many wait already, or the TPM is too slow.
        """
        try:
            async with asyncio.timeout(self.settings.timeout.total_seconds()):
                return await asyncio.wrap_future(self._submit(work))
        except TimeoutError:
            raise self._too_slow() from None

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the TPM's answer, from any thread; only the TPM's own need not wait for it.

        Raises:
            TpmUnavailableError: it is not there, is too slow, or too many wait already.
            TpmError: it refuses.
        """
        if threading.current_thread() is self._thread:
            return self._answer(question)
        future = self._submit(lambda: self._answer(question))
        try:
            return future.result(self.settings.timeout.total_seconds())
        except TimeoutError:
            future.cancel()
            raise self._too_slow() from None

    def close(self) -> None:
        """End the thread after what waits; one that hangs in the TPM is left to its fate."""
        with self._starting:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join(_PATIENCE_AT_END.total_seconds())
                self._thread = None

    def _too_slow(self) -> TpmUnavailableError:
        seconds = self.settings.timeout.total_seconds()
        return TpmUnavailableError(
            f"the TPM at {self.settings.device} has not answered within {seconds:g} s"
        )

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        if not self._places.acquire(blocking=False):
            raise TpmUnavailableError(
                f"{self.settings.waiting} requests wait for the TPM at {self.settings.device}"
            )
        future: Future[T] = Future()

        def job() -> None:
            try:
                _fulfil(future, work)
            finally:
                self._places.release()

        with self._starting:
            if self._thread is None:
                self._thread = self._started()
        self._jobs.put(job)
        return future

    def _started(self) -> threading.Thread:
        # A daemon: the process may end while a TPM hangs.
        thread = threading.Thread(target=self._serve, name="tpm", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._places.release()
            raise TpmUnavailableError("no thread for the TPM: allow this process more") from error
        return thread

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(self, question: Callable[[Connection], T]) -> T:
        refusal = tss().TSS2_Exception
        last = self._connection is None  # a new connection is not tried twice
        while True:
            try:
                return question(self._opened())
            except refusal as error:
                final = is_final(error.rc) and not self._was_reset()
                if is_full(error.rc):
                    self._make_room()
                elif not final:
                    self._drop()
                if last or final:
                    raise explained(error.rc, str(error), self.settings.device) from None
            except LostError:
                self._drop()
                if last:
                    raise TpmUnavailableError(
                        f"the TPM at {self.settings.device} forgets what it holds"
                    ) from None
            last = True

    def _opened(self) -> Connection:
        if self._connection is None:
            self.settings.check()
            self._connection = Connection(self.settings.tcti, self._lost)
            self._lost = frozenset()
        return self._connection

    def _was_reset(self) -> bool:
        """Tell whether what we remember of the TPM, and it just refused, may be somebody else's."""
        return self._connection is None or self._connection.was_reset()

    def _make_room(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(tss().TSS2_Exception):
                self._connection.make_room(0)

    def _drop(self) -> None:
        if self._connection is not None:
            self._lost = self._connection.drop()
            self._connection = None


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  raised again where it is waited for
        future.set_exception(error)
    else:
        future.set_result(result)
