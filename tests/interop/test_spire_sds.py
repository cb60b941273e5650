"""``accredit sds`` at a real SPIRE Agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support import client_command, spire
from support.ca import TestCa
from support.client_command import Done
from support.spire import SpireAgent

_ID = "spiffe://prod.example/web"
_OWN, _PARTNER = "spiffe://prod.example", "spiffe://partner.example"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpireAgent]:
    with spire.running(tmp_path_factory.mktemp("spire")) as running:
        running.server.set_bundle(TestCa("partner.example").bundle())
        running.create("/web", "-federatesWith", _PARTNER)
        yield running


def sds(agent: SpireAgent, *arguments: str) -> Done:
    done = client_command.run(agent.socket, "sds", *arguments)
    assert "Traceback" not in done.stderr
    return done


def secrets(done: Done) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(done.stdout)["secrets"]}


@pytest.mark.parametrize("names", [(), (_OWN, _PARTNER, _ID)], ids=["all", "named"])
def test_spire_gives_everything_under_ids(agent: SpireAgent, names: tuple[str, ...]) -> None:
    done = sds(agent, "fetch", "--output=json", *names)
    assert done.returncode == 0, done.stderr
    found = secrets(done)
    assert set(found) == {_OWN, _PARTNER, _ID}
    assert found[_ID]["spiffe_id"] == _ID
    assert set(found[_PARTNER]["roots"]) == {"partner.example"}


def test_names_that_spire_refuses_together_come_as_an_envoy_would_get_them(
    agent: SpireAgent,
) -> None:
    names = ("default", _ID, "ROOTCA", "ALL", _OWN)
    done = sds(agent, "fetch", "--output=json", *names)
    assert (done.returncode, done.stderr) == (0, "")
    found = secrets(done)
    assert set(found) == set(names)
    assert set(found["ALL"]["roots"]) == {"prod.example", "partner.example"}
    assert set(found["ROOTCA"]["roots"]) == {"prod.example"}


def test_what_spire_does_not_have_is_told_beside_what_it_has(agent: SpireAgent) -> None:
    done = sds(agent, "fetch", "default", "hint:internal", "jwt:db")
    assert done.returncode == 1
    assert f"default        TLS certificate    1        {_ID}" in done.stdout
    refusal = 'INVALID_ARGUMENT: workload is not authorized for the requested identities ["{}"]'
    assert refusal.format("hint:internal") in done.stderr
    assert refusal.format("jwt:db") in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: refused: ")


def test_a_watch_is_told_to_ask_for_each_by_itself(agent: SpireAgent) -> None:
    assert sds(agent, "watch", "--updates=1", "default", "ALL").returncode == 0
    done = sds(agent, "watch", "--updates=1", "ROOTCA", "ALL")
    assert done.returncode == 1
    assert "watch each by itself: SPIRE refuses all names of a stream" in done.stderr


def test_delta_is_not_for_spire(agent: SpireAgent) -> None:
    done = sds(agent, "fetch", "--delta", "default")
    assert done.returncode == 1
    assert done.stderr.endswith("UNIMPLEMENTED: Method is not implemented; ask without --delta\n")
