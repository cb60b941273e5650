from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from support.entries import entry
from support.serving import ME, ServedWorkloadApi

from accredit.agent.reflection import V1, V1ALPHA, Reflection

PROGRAM = Path(__file__).with_name("reflection_program.py")


@pytest.mark.rows("WE-27", "WE-28", "WE-29", "WE-30")
@pytest.mark.parametrize("name", [V1, V1ALPHA])
async def test_a_client_without_proto_files_learns_the_api_and_calls_it(
    tmp_path: Path, name: str
) -> None:
    ours = ServedWorkloadApi(tmp_path, entry("/web", ME))
    names = [ours.service.name, "envoy.service.secret.v3.SecretDiscoveryService"]
    reflection = [Reflection(version, names) for version in (V1, V1ALPHA)]
    package = name.removesuffix(".ServerReflection")
    async with ours.serving(*reflection):
        child = await asyncio.create_subprocess_exec(
            sys.executable, PROGRAM, f"unix:{ours.path}", package, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
    assert child.returncode == 0
    found = json.loads(output)
    assert found["services"] == sorted([*names, V1, V1ALPHA])
    assert found["methods"] == [method.name for method in ours.service.methods]
    assert found["ids"] == ["spiffe://prod.example/web"]
