"""JWK Sets over the real socket of a real agent, read by strangers to our code."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from support import needs, process_facts
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile.agent import (
    memory_back,
    nothing_left_open,
    open_to_all,
    require_served,
)
from support.hostile.puppet import puppet
from support.signer import Signer
from support.unix_http import UnixConnection, get

from accredit.identity.bundle import encode_bundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle

_OTHER = 54321
_MEBIBYTE = 1 << 20
_GET = b"GET /prod.example HTTP/1.1\r\nHost: x\r\n\r\n"
_CONFIG = f"""\
trust_domain: prod.example
authority: {{embedded: {{publish_for: 1s, clock_skew: 1s}}}}
entries:
  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"]}}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(_CONFIG) as running:
        yield running


def jwks(agent: AgentProcess) -> Path:
    return agent.socket.with_name("jwks.sock")


def kids(agent: AgentProcess, name: str = "prod.example") -> set[str]:
    status, body = get(jwks(agent), f"/{name}")
    assert status == 200, body
    return {key["kid"] for key in json.loads(body)["keys"]}


def curl(agent: AgentProcess, *arguments: str, uid: int | None = None) -> str:
    program = needs.program("curl", apt="curl")
    done = subprocess.run(
        [program, "--silent", "--unix-socket", jwks(agent), *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        user=uid,
        group=uid,
    )
    return done.stdout


def test_curl_reads_the_keys_that_verify_a_token(agent: AgentProcess) -> None:
    text = curl(agent, "--fail", "http://jwks/prod.example")
    address = f"--socket=unix://{agent.socket}"
    fetched = agent.command("api", "fetch", "jwt", "--audience=a", "--output=json", address)
    token = json.loads(fetched)["svids"][0]["svid"]
    key = jwt.PyJWKSet.from_json(text)[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, ["ES256"], audience="a")["sub"] == "spiffe://prod.example/me"


def test_the_socket_is_open_to_all_and_says_what_it_has(agent: AgentProcess) -> None:
    assert stat.S_IMODE(jwks(agent).stat().st_mode) == 0o666
    assert curl(agent, "http://jwks/") == "prod.example\n"
    status = json.loads(agent.command("status", "--output=json", "-c", agent.config))
    assert status["jwks_socket"] == str(jwks(agent))


def test_other_paths_and_methods_are_refused_in_a_line(agent: AgentProcess) -> None:
    code = ("--write-out", "%{http_code}")
    refusal = "no entry of the caller federates with other.example\n503"
    assert curl(agent, *code, "http://jwks/other.example") == refusal
    assert curl(agent, *code, "http://jwks/Other.example").endswith("\n404")
    assert curl(agent, *code, "--request", "DELETE", "http://jwks/prod.example").endswith("\n405")
    assert curl(agent, "--head", "http://jwks/prod.example").startswith("HTTP/1.1 200 OK")


@pytest.mark.root
def test_a_stranger_is_told_no(agent: AgentProcess) -> None:
    needs.root()
    for path in ("", "prod.example", "other.example"):
        told = curl(agent, "--write-out", "%{http_code}", f"http://jwks/{path}", uid=_OTHER)
        assert told == "no registration entry matches the caller\n503"


@pytest.mark.root
def test_a_stranger_may_verify_where_anybody_may() -> None:
    needs.root()
    with open_to_all(f"allow_unauthenticated_verifiers: true\n{_CONFIG}") as agent:
        assert "keys" in curl(agent, "http://jwks/prod.example", uid=_OTHER)


def test_a_rotation_of_keys_shows_on_the_very_next_request(agent: AgentProcess) -> None:
    kept = UnixConnection(jwks(agent))
    before = kids(agent)
    agent.command("ca", "rotate", "-c", agent.config)
    status, body = kept.ask("/prod.example")
    kept.close()
    assert status == 200
    after = {key["kid"] for key in json.loads(body)["keys"]}
    assert before < after


def test_a_federated_trust_domain_has_its_own_document(tmp_path: Path) -> None:
    partner = TrustDomain("partner.example")
    signer = Signer(partner, datetime.now(UTC))
    bundle = TrustBundle(partner, (signer.root,), (signer.jwt_authority,))
    (tmp_path / "partner.json").write_bytes(encode_bundle(bundle))
    bundles = "{partner.example: partner.json}"
    text = _CONFIG.replace("clock_skew: 1s", f"clock_skew: 1s, federated_bundles: {bundles}")
    federates = text.replace("selectors:", "federates_with: [partner.example], selectors:")
    agent = AgentProcess(tmp_path, text)
    with agent.running():
        assert get(jwks(agent), "/partner.example")[0] == 503
        agent.config.write_text(agent.config.read_text().replace(text, federates))
        wait_until(lambda: get(jwks(agent), "/partner.example")[0] == 200)
        assert kids(agent, "partner.example") == {signer.jwt_authority.key_id}
        assert kids(agent).isdisjoint(kids(agent, "partner.example"))
        new = Signer(partner, datetime.now(UTC)).jwt_authority
        bundle = TrustBundle(partner, (signer.root,), (new,))
        (tmp_path / "partner.json").write_bytes(encode_bundle(bundle))
        wait_until(lambda: kids(agent, "partner.example") == {new.key_id})


def test_it_can_be_switched_off_or_put_elsewhere(tmp_path: Path) -> None:
    with AgentProcess(tmp_path, f"jwks: {{enabled: false}}\n{_CONFIG}").running() as agent:
        assert not jwks(agent).exists()
    with AgentProcess(tmp_path, f"jwks_socket: keys.sock\n{_CONFIG}").running() as agent:
        assert get(tmp_path / "keys.sock", "/")[0] == 200
        assert agent.stop() == 0
    assert not (tmp_path / "keys.sock").exists()


def test_an_agent_that_stops_closes_who_waits(tmp_path: Path) -> None:
    with AgentProcess(tmp_path, _CONFIG).running() as agent:
        kept = UnixConnection(jwks(agent))
        assert kept.ask("/prod.example")[0] == 200
        assert agent.stop() == 0
        assert kept.sock.recv(1) == b""
        kept.close()
        assert "Traceback" not in agent.log.read_text()


_HOSTILE = {
    "silence": b"",
    "half a request": _GET[:20],
    "a header without an end": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x-much: " + b"x" * 200_000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100_000,
    "a body without an end": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
    + bytes(200_000),
    "chunks without an end": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\nx\r\n" * 20_000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(1000),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "noise": bytes(range(256)) * 1000,
    "requests without a pause, and no answer is read": _GET * 20_000,
}


@contextmanager
def said(agent: AgentProcess, sent: bytes) -> Iterator[socket.socket]:
    """Connect, send as much of it as is taken, and read nothing."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(jwks(agent)))
        sock.settimeout(0.2)
        with suppress(OSError):
            sock.sendall(sent)
        yield sock


@pytest.mark.parametrize("sent", _HOSTILE.values(), ids=_HOSTILE)
def test_others_are_served_while_a_caller_sends(agent: AgentProcess, sent: bytes) -> None:
    with nothing_left_open(agent), memory_back(agent, 64 * _MEBIBYTE), ExitStack() as hostile:
        for _ in range(3):
            hostile.enter_context(said(agent, sent))
            assert kids(agent)
        require_served(agent)
    assert "Traceback" not in agent.log.read_text()


@pytest.mark.parametrize("sent", [b"", _GET[:-1], _GET])
def test_a_connection_without_a_further_request_is_closed_in_time(sent: bytes) -> None:
    with (
        open_to_all(f"jwks: {{patience: 1s}}\n{_CONFIG}") as agent,
        nothing_left_open(agent),
        said(agent, sent) as sock,
    ):
        sock.settimeout(60)
        while sock.recv(1 << 16):
            pass
        assert kids(agent)


def test_a_user_has_only_so_many_connections_and_the_agent_is_well_beyond() -> None:
    with (
        open_to_all(f"jwks: {{connections_per_uid: 50}}\n{_CONFIG}") as agent,
        memory_back(agent, 64 * _MEBIBYTE),
        nothing_left_open(agent, 30),
        puppet(jwks(agent)) as caller,
    ):
        for _ in range(4):
            caller.ask(f"flood(250, {_GET[:9]!r})")
            wait_until(lambda: int(caller.ask("count_open()")) == 50)
            require_served(agent)  # the other socket has shares of its own
        with pytest.raises(OSError, match=r"Remote end closed|reset|Broken pipe"):
            get(jwks(agent), "/")
        caller.ask("let_go()")
        wait_until(lambda: _is_served(agent))
        assert process_facts.memory(agent.pid) < 400 * _MEBIBYTE


def _is_served(agent: AgentProcess) -> bool:
    time.sleep(0.05)
    try:
        return get(jwks(agent), "/")[0] == 200
    except OSError:
        return False
