"""Those who must not get in: no certificate, a made-up one, a process without an entry."""

from __future__ import annotations

import ssl
import sys
from asyncio import (
    StreamReader,
    StreamWriter,
    create_subprocess_exec,
    open_connection,
    subprocess,
    timeout,
)
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accredit.agent.demo.world import CHECKOUT, TRUST_DOMAIN
from accredit.envoy.address import Endpoint
from accredit.identity import keys
from accredit.identity.errors import UnavailableError
from accredit.identity.x509_issue import build_leaf, build_root
from accredit.identity.x509_svid import X509Svid

_PATIENCE_SECONDS = 1
_DEADLINE_SECONDS = 20


def forge(folder: Path) -> Path:
    """Write a certificate for checkout's SPIFFE ID from a CA nobody trusts; return its file."""
    now = datetime.now(UTC)
    begin, end = now - timedelta(minutes=1), now + timedelta(hours=1)
    ca_key, key = (keys.generate(keys.KeyType.EC_P256) for _ in range(2))
    root = build_root(TRUST_DOMAIN, ca_key, not_before=begin, not_after=end)
    leaf = build_leaf(
        CHECKOUT,
        key.public_key(),
        issuer=root,
        issuer_key=ca_key,
        not_before=begin,
        not_after=end,
    )
    svid = X509Svid(CHECKOUT, (leaf,), key)
    file = folder / "forged.pem"
    file.write_bytes(svid.chain_pem + svid.key_pem)
    return file


async def refused_by_tls(
    to: Endpoint, certificate: Path | None, *, seconds: float = _DEADLINE_SECONDS
) -> str | None:
    """Ask for ``/`` over TLS; return the refusal, or None if anything was answered.

    Raises:
        UnavailableError: nobody serves there, or neither serves nor refuses within ``seconds``.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate)
    try:
        async with timeout(seconds):
            reader, writer = await open_connection(to.host, to.port, ssl=context)
            try:
                # In TLS 1.3 the client is done before the server has judged it: listen first.
                answer = await _said_first(reader) or await _answer(reader, writer)
            finally:
                writer.close()
    except ConnectionRefusedError as error:
        raise UnavailableError(f"nobody serves at {to.host}:{to.port}") from error
    except TimeoutError:
        raise UnavailableError(f"{to.host}:{to.port} said nothing within {seconds} s") from None
    except (ssl.SSLError, ConnectionError) as error:
        return getattr(error, "reason", None) or str(error)
    return None if answer else "connection closed"


async def _said_first(reader: StreamReader) -> bytes:
    try:
        async with timeout(_PATIENCE_SECONDS):
            return await reader.read(100)
    except TimeoutError:
        return b""


async def _answer(reader: StreamReader, writer: StreamWriter) -> bytes:
    writer.write(b"GET / HTTP/1.1\r\nhost: payments\r\nconnection: close\r\n\r\n")
    return await reader.read(100)


async def refused_by_agent(socket: Path) -> str | None:
    """Ask the agent for an SVID from a new process; return the refusal, or None if it gave one."""
    command = [
        sys.executable,
        "-m",
        "accredit",
        "api",
        "fetch",
        "x509",
        "--socket",
        f"unix://{socket}",
    ]
    process = await create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, errors = await process.communicate()
    _, refused, why = errors.decode().strip().partition("PERMISSION_DENIED")
    return refused + why if process.returncode == 1 and refused else None
