from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.ca import TestCa
from support.clock import FakeClock
from support.entries import entry
from support.serving import ME, ServedWorkloadApi

PROGRAM = Path(__file__).with_name("py_spiffe_program.py")
PARTNER = TestCa("partner.example")
HALF = timedelta(minutes=33)


def served(folder: Path, *paths: str) -> ServedWorkloadApi:
    """Return our side, its time the real one, since py-spiffe looks at the real one."""
    entries = (entry(path, ME, federates_with=("partner.example",)) for path in paths)
    found = ServedWorkloadApi(folder, *entries, clock=FakeClock(datetime.now(UTC)))
    found.authority.set_bundle(PARTNER.bundle())
    return found


@asynccontextmanager
async def py_spiffe(path: Path, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run the program, and make sure that it ends well."""
    child = await asyncio.create_subprocess_exec(
        needs.interop_python(),
        PROGRAM,
        *arguments,
        env={"SPIFFE_ENDPOINT_SOCKET": f"unix://{path}"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(60):
            yield child.stdout
            assert await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def line(output: asyncio.StreamReader) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await output.readline())
    return found


@pytest.mark.rows("WE-29", "XS-17", "XB-02", "JB-02", "JB-04", "JS-04", "VJ-06")
async def test_py_spiffe_gets_everything_there_is(tmp_path: Path) -> None:
    ours = served(tmp_path, "/web", "/api")
    async with ours.serving(), py_spiffe(ours.path, "everything") as output:
        found = await line(output)
    web, api = "spiffe://prod.example/web", "spiffe://prod.example/api"
    assert found == {
        "ids": [web, api],
        "default": web,
        "context_roots": [1, 1],
        "bundle_roots": [1, 1],
        "tokens": [web, api],
        "token": api,
        "token_audience": ["db"],
        "validated_here": api,
        "validated_there": api,
    }


async def test_py_spiffe_sees_every_rotation(tmp_path: Path) -> None:
    ours = served(tmp_path, "/web")
    async with ours.serving(), py_spiffe(ours.path, "rotations", "3") as output:
        serials = [(await line(output))["serial"]]
        for _ in range(3):
            ours.clock.advance(HALF)
            serials.append((await line(output))["serial"])
    assert len(set(serials)) == 4


async def test_py_spiffe_is_told_why_it_gets_nothing(tmp_path: Path) -> None:
    ours = ServedWorkloadApi(tmp_path, entry("/web", "unix:uid:4242"))
    async with ours.serving(), py_spiffe(ours.path, "refusals") as output:
        found = [await line(output) for _ in range(5)]
    assert [each["call"] for each in found] == ["x509", "bundles", "jwt", "jwt_bundles", "validate"]
    for each in found:
        assert "no registration entry" in each["error"] or "not entitled" in each["error"]
