"""What is written of those who come and of those who are turned away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ca import TestCa
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app, line_app, pair
from support.sidecar.pair import Pair
from support.sidecar.world import APP, FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.sidecar import Protocol

_SECRET = "s3cr3t-of-the-app"


@pytest.fixture(scope="module")
def way(world: World) -> Iterator[Pair]:
    at = free_port()
    with app.serving(at, legacy_app.talk), pair.running(world, "logged", at) as found:
        yield found


def _line(envoy: EnvoyProcess, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    wait_until(lambda: any(map(wanted, envoy.access_log())), 30, "logged")
    return next(filter(wanted, envoy.access_log()))


def test_a_request_is_logged_by_both_with_both_identities(way: Pair) -> None:
    with app.connect(way.front) as sock:
        caller.get(sock, "/both?q=1", "X-Request-ID: 4711")
    server = _line(way.server, lambda line: line.get("path") == "/both")
    assert (server["caller"], server["self"]) == (FRONTEND, APP)
    assert (server["listener"], server["security"]) == ("inbound_0", "mtls")
    assert (server["status"], server["method"], server["authority"]) == (200, "GET", "app")
    client = _line(way.caller, lambda line: line.get("path") == "/both")
    assert (client["server"], client["self_as_client"]) == (APP, FRONTEND)
    assert (client["listener"], client["security"]) == ("outbound_0", "app")
    assert client["to"] == str(way.mtls)
    assert client["request_id"] == server["request_id"] == "4711"


def test_no_secret_of_a_request_is_logged(way: Pair) -> None:
    with app.connect(way.front) as sock:
        target = f"/quiet?token={_SECRET}"
        answer = caller.get(
            sock, target, f"Authorization: Bearer {_SECRET}", f"Cookie: session={_SECRET}"
        )
    assert _SECRET in answer.body.decode()  # the app got it
    for envoy in (way.caller, way.server):
        _line(envoy, lambda line: line.get("path") == "/quiet")
        assert _SECRET not in envoy.log_text()


def test_everyone_whom_tls_refuses_is_logged_with_the_reason(world: World, way: Pair) -> None:
    stranger = world.pem(TestCa("prod.example", now=world.now).issue(FRONTEND))
    wrong = world.pem(world.prod.issue(INTRUDER))
    refused = 0
    for certificate, reason in (
        (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        (stranger, "CERTIFICATE_VERIFY_FAILED"),
        (wrong, "SAN_match"),
    ):
        assert not caller.is_served(Protocol.HTTP, way.mtls, certificate)
        _line(way.server, lambda line, reason=reason: reason in line.get("refused", ""))  # type: ignore[misc]
        refused += 1
    assert not caller.is_served_plain(Protocol.HTTP, way.mtls)
    _line(way.server, lambda line: "HTTP_REQUEST" in line.get("refused", ""))
    good = world.pem(world.prod.issue(FRONTEND))
    assert caller.is_served(Protocol.HTTP, way.mtls, good)
    lines = [line for line in way.server.access_log() if "refused" in line]
    # Good connections, and those that only look whether the port is open, are not among them.
    assert len(lines) == refused + 1
    assert all(line["listener"] == "inbound_0" for line in lines)


def test_a_refusal_by_the_second_check_says_so(world: World, way: Pair) -> None:
    two = world.pem(world.partner.issue(uris=["spiffe://partner.example/x", FRONTEND]))
    assert not caller.is_served(Protocol.HTTP, way.mtls, two)
    both = world.pem(world.prod.issue(uris=[FRONTEND, APP]))
    assert not caller.is_served(Protocol.HTTP, way.mtls, both)
    line = _line(way.server, lambda line: line.get("status") == 403)
    assert line["details"].startswith("rbac_access_denied_matched_policy")
    assert line["caller"] == f"{FRONTEND},{APP}"


def test_connections_are_logged_to_a_file(world: World, tmp_path: Path) -> None:
    at, mtls, log = free_port(), free_port(), tmp_path / "access.log"
    text = f"""
sidecar:
  spiffe_id: {APP}
  access_log: {log}
  inbound:
    - listen: {mtls}
      app: {at}
      protocol: tcp
      allow: {FRONTEND}
"""
    with app.serving(at, line_app.talk), world.sidecar("to-a-file", text) as envoy:
        good = world.pem(world.prod.issue(FRONTEND))
        assert caller.is_served(Protocol.TCP, mtls, good)
        # What a stranger claims to be is not written as if it were so.
        stranger = world.pem(TestCa("prod.example", now=world.now).issue(FRONTEND))
        assert not caller.is_served(Protocol.TCP, mtls, stranger)

        def lines() -> list[dict[str, Any]]:
            whole = log.read_text().rpartition("\n")[0] if log.exists() else ""
            return [json.loads(line) for line in whole.splitlines()]

        wait_until(lambda: {"caller", "refused"} <= set().union(*lines()), 60, "both are logged")
        (served,) = (line for line in lines() if "caller" in line)
        assert (served["caller"], served["self"], served["to"]) == (FRONTEND, APP, str(at))
        assert served["bytes_received"] == len(b"hello\n")
        assert envoy.access_log() == []
