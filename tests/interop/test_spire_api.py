"""``accredit api`` at a real SPIRE Agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support import spire
from support.ca import TestCa
from support.spire import SpireAgent

PARTNER = TestCa("partner.example")
_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpireAgent]:
    """One where we are two; SPIRE puts the one with the lower entry id first."""
    with spire.running(tmp_path_factory.mktemp("spire")) as running:
        running.server.set_bundle(PARTNER.bundle())
        partner = ("-federatesWith", "spiffe://partner.example")
        running.create("/web", "-entryID", "1", "-hint", "internal", *partner)
        running.create("/api", "-entryID", "2")
        yield running


def api(agent: SpireAgent, *arguments: str, stdin: str = "") -> Done:
    return subprocess.run(
        [sys.executable, "-m", "accredit", "api", *arguments],
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix://{agent.socket}"},
    )


def as_json(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_svids_come_in_its_order_with_hints_and_bundles(agent: SpireAgent) -> None:
    found = as_json(api(agent, "fetch", "x509", "--output=json"))
    assert [(each["spiffe_id"], each["hint"]) for each in found["svids"]] == [
        (_WEB, "internal"),
        (_API, ""),
    ]
    assert set(found["bundles"]) == {"spiffe://prod.example", "spiffe://partner.example"}
