"""One question and its answer on HAProxy's runtime API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from accredit.file_output.address import Address, Stream
from accredit.identity.errors import DeployError
from accredit.identity.redaction import redact

_MAX_ANSWER = 256 * 1024
_SHOWN = 300
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cli:
    """The socket of ``stats socket``, or with ``worker`` the master's (``haproxy -S``).

    ``worker`` is what the master CLI calls one, such as ``@1``: the current one.
    """

    address: Address
    worker: str = ""
    timeout: timedelta = timedelta(seconds=10)

    async def ask(self, command: str, payload: bytes = b"") -> str:
        """Return the answer to one command.

        Raises:
            DeployError: nobody answers, or not in time.
        """
        question = f"{self.worker} {command}".strip().encode()
        # The payload ends at the first empty line.
        lines = [line for line in payload.splitlines() if line.strip()]
        if lines:
            question += b" <<\n" + b"\n".join(lines) + b"\n"
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await self._exchange(question + b"\n")
        except TimeoutError:
            seconds = self.timeout.total_seconds()
            raise DeployError(
                f"haproxy at {self.address} did not answer in {seconds:g} s; is it running?"
            ) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DeployError(
                f"haproxy at {self.address} cannot be reached: {reason}; it needs"
                " 'stats socket ... level admin', and accredit the right to open it"
            ) from error

    async def _exchange(self, question: bytes) -> str:
        reader, writer = await self._connect()
        try:
            writer.write(question)
            if self.worker:
                # The master waits for further questions; the worker's own socket does not, and
                # would drop the answer.
                writer.write_eof()
            await writer.drain()
            answer = await _until_closed(reader)
        finally:
            writer.close()
        return answer.decode(errors="replace").strip()

    async def _connect(self) -> Stream:
        while True:
            try:
                return await self.address.connect()
            except ConnectionRefusedError:
                # A master that has just been told to reload is deaf until it has begun again.
                await asyncio.sleep(_PAUSE_SECONDS)


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while piece := await reader.read(65536):
        answer += piece
        if len(answer) > _MAX_ANSWER:
            raise DeployError(f"haproxy's answer is longer than {_MAX_ANSWER} bytes")
    return answer


def shown(answer: str) -> str:
    """Return an answer as one line for an error."""
    line = " ".join(redact(answer).split())
    return line[:_SHOWN] or "nothing"
