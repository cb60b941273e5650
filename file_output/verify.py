"""Is what was written really served? Asked until it is, or for long enough."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509

from accredit.file_output.address import Address, is_host
from accredit.file_output.served import Question, served_leaf
from accredit.file_output.spec import Kind
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

# Most programs serve the new files some milliseconds after they were told.
_FIRST_PAUSE, _LAST_PAUSE = 0.01, 0.2
_ONE_TRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Verify:
    """Each address must show the leaf just written, ``in_a_row`` times: old workers linger.

    A client certificate is shown if the output has one as PEM. ``within`` bounds the whole, since
    a reload goes on after the program has been told.
    """

    addresses: tuple[Address, ...]
    server_name: str = ""
    starttls: StartTls = StartTls.NONE
    within: timedelta = timedelta(seconds=10)
    in_a_row: int = 3

    def __post_init__(self) -> None:
        if self.server_name and not is_host(self.server_name):
            raise ValueError(f"server_name: {self.server_name[:100]!r} is not the name of a server")

    async def tell(self, written: Written) -> None:
        """Return once all of them do.

        Raises:
            DeployError: one does not; the message says what it serves instead.
        """
        if not written.files.leaf_sha256:
            return
        pem = client_pem(written)
        for address in self.addresses:
            question = Question(address, self.server_name, self.starttls, pem)
            await self._check(question, written.files.leaf_sha256)

    async def _check(self, question: Question, wanted: str) -> None:
        last = ["does not answer"]
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                await self._until_served(question, wanted, last)
        except TimeoutError:
            seconds = self.within.total_seconds()
            raise DeployError(
                f"{question.address} {last[0]}, still after {seconds:g} s; look whether the program"
                " reads these files and was really reloaded"
            ) from None

    async def _until_served(self, question: Question, wanted: str, last: list[str]) -> None:
        seen, pause = 0, _FIRST_PAUSE
        while seen < self.in_a_row:
            found = await _look(question, wanted)
            seen = 0 if found else seen + 1
            if found:
                last[0] = found
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)

    def __str__(self) -> str:
        return f"look at {', '.join(str(address) for address in self.addresses)}"


async def _look(question: Question, wanted: str) -> str:
    """Return what is wrong, or nothing."""
    try:
        async with asyncio.timeout(_ONE_TRY_SECONDS):
            leaf = await served_leaf(question)
    except DeployError as error:
        return str(error)
    except TimeoutError:
        return "does not answer"
    return "" if hashlib.sha256(leaf).hexdigest() == wanted else f"serves {_describe(leaf)}"


def _describe(leaf: bytes) -> str:
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        serial, ends = certificate.serial_number, certificate.not_valid_after_utc
    except ValueError:
        return f"another certificate (SHA-256 {hashlib.sha256(leaf).hexdigest()[:16]}...)"
    return f"the certificate with serial {serial:x}, which ends {ends:%Y-%m-%dT%H:%M:%SZ}"


def client_pem(written: Written) -> bytes:
    """Return chain and key as one PEM, or nothing where the output has them in no such file."""
    names = {spec.kind: spec.name for spec in written.specs}
    if Kind.COMBINED in names:
        return written.content(names[Kind.COMBINED]) or b""
    if Kind.CERTIFICATE in names and Kind.KEY in names:
        parts = (written.content(names[kind]) for kind in (Kind.CERTIFICATE, Kind.KEY))
        return b"".join(part or b"" for part in parts)
    return b""
