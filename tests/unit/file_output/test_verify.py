from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from support.ca import TestCa
from support.file_sets import TLS, contents, marked, rendered
from support.tls_server import TlsServer

from accredit.file_output.address import Address
from accredit.file_output.fileset import FileSet
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.tell.way import Written
from accredit.file_output.verify import Verify, client_pem
from accredit.identity.errors import DeployError
from accredit.identity.x509_svid import X509Svid

_SHORT = timedelta(seconds=1)


@pytest.fixture
def ca() -> TestCa:
    return TestCa(now=datetime.now(UTC))


def written(svid: X509Svid) -> Written:
    fingerprint = svid.leaf.fingerprint(SHA256()).hex()
    files = replace(marked("v"), serial=svid.serial, leaf_sha256=fingerprint)
    return Written(Path("/files"), files)


async def test_what_is_served_is_what_was_written(ca: TestCa) -> None:
    svid = ca.svid()
    async with TlsServer([svid]).running() as server:
        await Verify((server.address,)).tell(written(svid))
    assert len(server.names) == 3


async def test_an_old_worker_that_answers_now_and_then_is_waited_for(ca: TestCa) -> None:
    old, new = ca.svid(), ca.svid()
    async with TlsServer([old, new, new, old, new]).running() as server:
        await Verify((server.address,)).tell(written(new))
    assert len(server.names) == 7


async def test_what_goes_on_serving_another_is_told_with_that_ones_serial(ca: TestCa) -> None:
    old, new = ca.svid(), ca.svid()
    async with TlsServer([old]).running() as server:
        verify = Verify((server.address,), within=_SHORT)
        with pytest.raises(DeployError, match=f"{server.address} serves .* serial {old.serial}, "):
            await verify.tell(written(new))


async def test_one_of_several_addresses_is_enough_to_fail(ca: TestCa) -> None:
    old, new = ca.svid(), ca.svid()
    async with TlsServer([new]).running() as good, TlsServer([old]).running() as bad:
        verify = Verify((good.address, bad.address), within=_SHORT)
        with pytest.raises(DeployError, match=str(bad.address.port)):
            await verify.tell(written(new))


async def test_a_server_that_says_nothing_ends_the_look_in_time(ca: TestCa) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        silent.set()

    silent = asyncio.Event()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(DeployError, match=r"does not answer, still after 1 s"):
            await Verify((address,), within=_SHORT).tell(written(ca.svid()))
        await silent.wait()


async def test_files_without_a_certificate_need_no_look() -> None:
    unreachable = Verify((Address("127.0.0.1", 1),), within=_SHORT)
    await unreachable.tell(Written(Path("/files"), marked("v")))


def test_the_client_certificate_is_whatever_of_the_files_holds_one() -> None:
    files = rendered(TestCa())
    found = contents(files)
    pair = tuple(spec for spec in TLS if spec.kind is not Kind.COMBINED)
    assert client_pem(Written(Path("/f"), files, TLS)) == found["both.pem"]
    assert client_pem(Written(Path("/f"), files, pair)) == found["tls.crt"] + found["tls.key"]
    only: FileSet = marked("v", "ca.crt")
    assert client_pem(Written(Path("/f"), only, (FileSpec(Kind.OWN_BUNDLE, "ca.crt"),))) == b""


@pytest.mark.parametrize("name", ["a..b", ".example", f"{'x' * 64}.example", "a\0b"])
def test_a_server_name_that_none_could_be_asked_for_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"server_name: .* is not the name of a server"):
        Verify((Address("h", 1),), server_name=name)
