"""Which certificate somebody serves, seen by connecting. What it is worth is not judged here."""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass, field

from accredit.file_output.address import Address
from accredit.file_output.starttls import StartTls, ask_for_tls
from accredit.identity.errors import DeployError


@dataclass(frozen=True, slots=True)
class Question:
    """How to ask: as a client with this PEM of chain and key, if any, for this server name."""

    address: Address
    server_name: str = ""
    starttls: StartTls = StartTls.NONE
    client_pem: bytes = field(default=b"", repr=False)


async def served_leaf(question: Question) -> bytes:
    """Return the DER of the leaf.

    Raises:
        DeployError: it cannot be had; the message says why, without the address.
    """
    try:
        reader, writer = await question.address.connect()
    except OSError as error:
        raise DeployError(f"cannot be reached: {(error.strerror or str(error)).lower()}") from error
    try:
        await ask_for_tls(question.starttls, reader, writer)
        await writer.start_tls(_context(question.client_pem), server_hostname=question.server_name)
        return _leaf(writer)
    except ssl.SSLError as error:
        raise DeployError(f"refuses the TLS handshake: {error.reason or error}") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise DeployError("closes the connection before TLS is up") from error
    finally:
        writer.transport.abort()


def _leaf(writer: asyncio.StreamWriter) -> bytes:
    served: ssl.SSLObject = writer.get_extra_info("ssl_object")
    leaf = served.getpeercert(binary_form=True)
    if not leaf:
        raise DeployError("serves no certificate")
    return leaf


def _context(client_pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The bytes are compared with those written, which proves more than any chain.
    context.verify_mode = ssl.CERT_NONE
    if client_pem:
        _load(context, client_pem)
    return context


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Load chain and key, which OpenSSL reads from files only: from one that has no name."""
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
