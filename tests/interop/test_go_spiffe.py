"""go-spiffe, SPIFFE's own library for Go, at a real agent's Workload API."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.ca import TestCa
from support.federating_agent import write_bootstrap

_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"
_PARTNER = TestCa("partner.example")
_CONFIG = """
trust_domain: prod.example
ttl: 16s
authority:
  embedded:
    publish_for: 4s
    refresh_hint: 2s
    clock_skew: 1s
    max_x509_ttl: 16s
    federated_bundles: {partner.example: bootstrap.json}
"""
_ME = f'selectors: ["unix:uid:{os.geteuid()}"]'
_ENTRIES = f"""
entries:
  - {{id: /web, {_ME}, hint: internal, federates_with: [partner.example]}}
  - {{id: /api, {_ME}}}
"""
Line = dict[str, Any]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    needs.go_spiffe()
    write_bootstrap(tmp_path, _PARTNER.bundle())
    with AgentProcess(tmp_path, _CONFIG + _ENTRIES).running() as running:
        yield running


def _environment(agent: AgentProcess) -> dict[str, str]:
    return {"SPIFFE_ENDPOINT_SOCKET": f"unix://{agent.socket}"}


def _once(agent: AgentProcess, *tokens: str) -> Line:
    done = subprocess.run(
        [needs.go_spiffe(), "once", *tokens],
        check=True,
        capture_output=True,
        timeout=60,
        env=_environment(agent),
    )
    found: Line = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def _watching(agent: AgentProcess) -> Iterator[Callable[[str], Line]]:
    """Yield what returns the next line that has a key, however long the others go on."""
    with subprocess.Popen(
        [needs.go_spiffe(), "watch"], stdout=subprocess.PIPE, env=_environment(agent)
    ) as process:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)
        try:
            yield lambda key: next(line for line in lines if key in line)
        finally:
            process.kill()


def _serials(line: Line) -> set[str]:
    return {each["serial"] for each in line["context"]["svids"]}


def test_its_sources_and_calls_get_everything_there_is(agent: AgentProcess) -> None:
    theirs = _PARTNER.jwt_authority.key_id
    found = _once(agent)
    context = found["context"]
    assert [(each["id"], each["hint"]) for each in context["svids"]] == [
        (_WEB, "internal"),
        (_API, ""),
    ]
    assert all(each["verified"] for each in context["svids"])
    assert found["default"] == _WEB
    assert context["roots"] == found["x509"]
    assert found["x509"]["partner.example"] == [str(_PARTNER.root.serial_number)]
    assert {name: len(keys) for name, keys in found["jwt"].items()} == {
        "prod.example": 1,
        "partner.example": 1,
    }
    assert found["jwt"]["partner.example"] == [theirs]
    assert found["source"] == [1, 1]


def test_it_gets_tokens_and_has_them_verified(agent: AgentProcess) -> None:
    found = _once(agent, "not.a.token")
    assert [(each["id"], each["hint"]) for each in found["tokens"]] == [
        (_WEB, "internal"),
        (_API, ""),
    ]
    assert {tuple(each["audience"]) for each in found["tokens"]} == {("db", "other")}
    assert found["token"] == _API
    for way in ("validated", "validating"):
        assert found[way].pop(_API) == ""
        assert len(found[way]) == 1  # what was no token
    assert set(found["validating"].values()) == {"InvalidArgument"}
    assert found["wrong_audience"] == "InvalidArgument"
    # Its client asks for WIT-SVIDs too, which the agent does not have.
    assert found["wit"] == "Unimplemented"


def test_it_sees_each_rotation_of_svids_and_of_roots(agent: AgentProcess) -> None:
    with _watching(agent) as get:
        first = get("context")
        root = first["context"]["roots"]["prod.example"]
        agent.command("ca", "rotate", "-c", agent.config)
        while get("x509")["x509"]["prod.example"][:1] == root:
            pass
        while _serials(found := get("context")) & _serials(first):
            pass
        while found["context"]["roots"]["prod.example"] == root:
            found = get("context")
    assert all(each["verified"] for each in found["context"]["svids"])


def test_one_without_identity_is_told_so_and_recovers_when_it_has_an_entry(
    agent: AgentProcess,
) -> None:
    whole = agent.config.read_text()
    agent.stop()
    agent.config.write_text(whole.replace(_ENTRIES, ""))
    agent.start()
    with _watching(agent) as get:
        for _ in range(4):
            refused = get("error")
            assert refused["code"] == "PermissionDenied"
            assert "no registration entry matches the caller" in refused["text"]
        agent.config.write_text(whole)
        agent.send(signal.SIGHUP)
        found = get("context")
        assert [each["id"] for each in found["context"]["svids"]] == [_WEB, _API]
        agent.config.write_text(whole.replace(_ENTRIES, ""))
        agent.send(signal.SIGHUP)
        assert get("error")["code"] == "PermissionDenied"


def test_it_outlives_the_agent(agent: AgentProcess) -> None:
    with _watching(agent) as get:
        before = get("context")
        agent.kill()
        assert get("error")["code"] == "Unavailable"
        agent.start()
        after = get("context")
    assert after["context"]["roots"] == before["context"]["roots"]
    assert not _serials(after) & _serials(before)
