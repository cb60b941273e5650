"""JWT-SVIDs across: each side's Workload API verifies the other's, and nobody else's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.spire import SpireAgent
from support.spire_partner import SHOP, Shop, federating

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Shop, SpireAgent]]:
    """Return both agents; the workload of both is ourselves."""
    with (
        federating(tmp_path) as (shop, stock),
        SpireAgent(tmp_path / "agent", stock).running() as a,
    ):
        a.create("/api", "-federatesWith", SHOP)
        yield shop, a


def spire_cli(socket: Path, *arguments: str) -> Done:
    return subprocess.run(
        [needs.spire() / "spire-agent", "api", *arguments, "-socketPath", socket],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def spires_token(socket: Path) -> str:
    """Return the first token that SPIRE's own command line gets at a Workload API."""
    answer = json.loads(
        spire_cli(socket, "fetch", "jwt", "-audience", "db", "-output", "json").stdout
    )
    token: str = next(each for each in answer if "svids" in each)["svids"][0]["svid"]
    return token


def spire_validates(socket: Path, token: str) -> Done:
    return spire_cli(socket, "validate", "jwt", "-audience", "db", "-svid", token)


def ours(agent: AgentProcess, *arguments: str, check: bool = True) -> str:
    return agent.command("api", *arguments, "--socket", f"unix://{agent.socket}", check=check)


def our_token(shop: Shop) -> str:
    answer: Any = json.loads(ours(shop, "fetch", "jwt", "--audience=db", "--output=json"))
    token: str = answer["svids"][0]["svid"]
    return token


def test_spires_token_is_valid_at_accredit_until_the_relationship_ends(
    sides: tuple[Shop, SpireAgent],
) -> None:
    shop, agent = sides
    token = spires_token(agent.socket)
    (file := shop.folder / "token").write_text(token)

    def verdict() -> str:
        return ours(shop, "validate-jwt", "--audience=db", f"--svid-file={file}", check=False)

    wait_until(lambda: "spiffe://stock.example/api" in verdict(), 60, verdict)
    assert spire_validates(shop.socket, token).returncode == 0
    shop.end_relationship()
    wait_until(lambda: "spiffe://stock.example/api" not in verdict(), 60, verdict)
    refused = spire_validates(shop.socket, token)
    assert "no JWT keys of the subject's trust domain" in refused.stderr


def test_accredits_token_is_valid_at_spire_until_its_bundle_is_deleted(
    sides: tuple[Shop, SpireAgent],
) -> None:
    shop, agent = sides
    token = our_token(shop)
    valid = spire_validates(agent.socket, token)
    assert valid.returncode == 0, valid.stderr
    assert "spiffe://shop.example/web" in valid.stdout
    agent.server.cli("federation", "delete", "-id", SHOP)
    # SPIRE ends the relationship and keeps the bundle; that goes by a command of its own.
    assert spire_validates(agent.socket, token).returncode == 0
    agent.server.cli("bundle", "delete", "-id", SHOP, "-mode", "dissociate")
    wait_until(lambda: spire_validates(agent.socket, token).returncode != 0, 60)
