"""``accredit api`` at a real SPIRE Agent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from support import client_command, spire
from support.ca import TestCa
from support.client_command import Done
from support.spire import SpireAgent

PARTNER = TestCa("partner.example")
_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"
_FETCH = ("fetch", "jwt", "--output=json", "--audience=db")
Watcher = subprocess.Popen[str]


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
    return client_command.run(agent.socket, "api", *arguments, stdin=stdin)


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


def test_bundles_of_both_kinds_come(agent: SpireAgent) -> None:
    found = as_json(api(agent, "fetch", "bundles", "--output=json"))
    for kind in ("x509", "jwt"):
        bundles = found[kind]["bundles"]
        assert list(bundles) == ["spiffe://partner.example", "spiffe://prod.example"]
    (key,) = found["jwt"]["bundles"]["spiffe://prod.example"]["keys"]
    (token,) = as_json(api(agent, *_FETCH, f"--spiffe-id={_WEB}"))["svids"]
    assert jwt.get_unverified_header(token["svid"])["kid"] == key["kid"]


def test_tokens_are_fetched_and_validated(agent: SpireAgent) -> None:
    tokens = as_json(api(agent, *_FETCH))["svids"]
    assert [(each["spiffe_id"], each["hint"]) for each in tokens] == [
        (_WEB, "internal"),
        (_API, ""),
    ]
    checked = ("validate-jwt", "--output=json", "--audience")
    claims = as_json(api(agent, *checked, "db", stdin=tokens[1]["svid"] + "\n"))
    assert (claims["spiffe_id"], claims["claims"]["aud"]) == (_API, ["db"])
    done = api(agent, *checked, "other", stdin=tokens[1]["svid"])
    assert done.returncode == 1
    assert 'INVALID_ARGUMENT: expected audience in ["other"] (audience=["db"])' in done.stderr


def test_what_spire_refuses_is_one_line(agent: SpireAgent) -> None:
    done = api(agent, *_FETCH, "--spiffe-id=spiffe://prod.example/other")
    assert (done.returncode, done.stdout) == (1, "")
    place = f"FetchJWTSVID at unix://{agent.socket}"
    assert done.stderr == f"Error: {place}: PERMISSION_DENIED: no identity issued\n"


def test_a_watch_sees_rotations_and_outlives_spires_restarts_and_the_loss_of_its_entry(
    tmp_path: Path,
) -> None:
    with spire.running(tmp_path) as agent:
        entry = agent.create("/web", ttl=16)
        with watching(agent) as (watcher, states):
            serials = {next(states)["state"]["svids"][0]["serial"] for _ in range(3)}
            assert len(serials) == 3
            agent.stop()
            lost = until(states, lambda each: "UNAVAILABLE" in each["problem"])
            assert lost["state"]["svids"]
            agent.start()
            until(states, lambda each: not each["problem"])
            agent.delete(entry)
            refused = until(states, lambda each: "PERMISSION_DENIED" in each["problem"])
            assert refused["state"] is None
            agent.create("/web")
            assert until(states, lambda each: not each["problem"])["state"]["svids"]
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(60) == 0


@contextmanager
def watching(agent: SpireAgent) -> Iterator[tuple[Watcher, Iterator[dict[str, Any]]]]:
    """Run ``accredit api watch``; the second value is what it tells, line by line."""
    command = ("api", "watch", "--output=json", f"--socket=unix://{agent.socket}")
    with subprocess.Popen(
        [sys.executable, "-m", "accredit", *command], stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        try:
            yield watcher, map(json.loads, watcher.stdout)
        finally:
            watcher.kill()


def until(
    states: Iterator[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return the first of those to come that holds."""
    return next(each for each in states if holds(each))
