"""A certificate from files that change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.eventually import eventually

from accredit.agent.bundle_endpoint.certificate_files import WebCertificate
from accredit.agent.bundle_endpoint.tls import server_context
from accredit.agent.bundle_endpoint.web_identity import WebIdentity
from accredit.identity.errors import ConfigError, Mistake, UnavailableError


def _good(doubt: str = "") -> WebCertificate:
    svid = TestCa().svid()
    return WebCertificate(server_context(svid.chain_pem, svid.key_pem), svid.leaf, doubt)


class Files:
    """One file that is watched; ``found`` is what it holds, or why it will not do."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "web.pem"
        self.found: WebCertificate | ConfigError = _good()
        self.reads = 0
        self.identity = WebIdentity((self.path,), self._read, FakeClock())

    def _read(self) -> WebCertificate:
        self.reads += 1
        if isinstance(self.found, ConfigError):
            raise self.found
        return self.found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.identity.run())
            await self.identity.ready.wait()
            await self.quiet()
            yield
            task.cancel()

    async def quiet(self) -> None:
        """Wait until it was read after whatever has happened."""
        before = self.reads
        self.path.write_text(str(before))
        await eventually(lambda: self.reads > before)


async def test_new_files_serve_the_next_handshake(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with pytest.raises(UnavailableError, match="not read yet"):
        files.identity.context()
    async with files.running():
        first = files.identity.context()
        files.found = _good()
        await files.quiet()
        await eventually(lambda: files.identity.context() is not first)


async def test_bad_files_change_nothing_and_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = Files(tmp_path)
    async with files.running():
        files.found = ConfigError([Mistake("web.pem", None, "", "is bad")])
        before = files.identity.context()
        await files.quiet()
        await eventually(lambda: "the last good one stays" in caplog.text)
        assert files.identity.context() is before


async def test_bad_files_at_the_start_end_it(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.found = ConfigError([Mistake("web.pem", None, "", "is bad")])
    with pytest.raises(ConfigError, match=r"web\.pem: is bad"):
        await files.identity.run()


@pytest.mark.rows("FS-09")
async def test_a_doubt_is_told_once_for_each_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = Files(tmp_path)
    files.found = _good("odd")
    async with files.running():
        await files.quiet()
        await files.quiet()
    assert caplog.text.count("certificate is odd: odd") == 1
