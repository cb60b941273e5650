"""A real Envoy demands JWT-SVIDs and verifies them with keys that the agent serves."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
from support import needs
from support.agent_process import AgentProcess
from support.entries import entry
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.http_envoy import bootstrap, pipe_cluster, verifier
from support.sidecar_pair import free_port
from support.signer import Signer
from support.token_app import TokenApp

from accredit.identity.bundle import encode_bundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle

_NOBODY = "trust_domain: td.example\nentries: []\n"
_CONFIG = f"""\
trust_domain: td.example
authority:
  embedded:
    publish_for: 3s
    clock_skew: 1s
    federated_bundles: {{partner.example: partner.json}}
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
    federates_with: [partner.example]
  - {{id: /short, selectors: ["unix:uid:{os.geteuid()}"], jwt_ttl: 1s}}
"""
_PARTNER = TrustDomain("partner.example")


@dataclass
class World:
    agent: AgentProcess
    envoy: EnvoyProcess
    app: TokenApp
    port: int
    partner: Signer

    def ask(self, token: str | None) -> int:
        """Return the status of a request with ``token``; 0 while Envoy does not listen."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/", headers=headers)
            return connection.getresponse().status
        except ConnectionRefusedError:
            return 0
        finally:
            connection.close()

    def token(self, path: str = "/me", audience: str = "api") -> str:
        """Return a JWT-SVID as a caller gets it from its own agent, ``""`` if there is none."""
        text = self.agent.command(
            "api",
            "fetch",
            "jwt",
            f"--audience={audience}",
            f"--spiffe-id=spiffe://td.example{path}",
            "--output=json",
            f"--socket=unix://{self.agent.socket}",
            check=False,
        )
        return str(json.loads(text)["svids"][0]["svid"]) if text else ""


@contextmanager
def world(folder: Path, text: str = _CONFIG, trust_domain: str = "td.example") -> Iterator[World]:
    needs.envoy()
    partner = Signer(_PARTNER, datetime.now(UTC))
    bundle = TrustBundle(_PARTNER, (partner.root,), (partner.jwt_authority,))
    (folder / "partner.json").write_bytes(encode_bundle(bundle))
    (folder / "sidecar").mkdir()
    agent, listen, at = AgentProcess(folder, text), free_port(), free_port()
    jwks = pipe_cluster("jwks", agent.socket.with_name("jwks.sock"), http2=False)
    made = bootstrap(listen, at, [verifier(trust_domain, "api")], jwks)
    envoy = EnvoyProcess(folder / "sidecar", bootstrap=made)
    with agent.running(), TokenApp(at).running() as app, envoy.running():
        yield World(agent, envoy, app, listen.port, partner)


def _wait_for_keys(it: World, token: str) -> None:
    """Envoy waits for its first try to fetch them only, which may take too long for it."""
    wait_until(lambda: it.ask(token) == 200, 60, "a good token passes")


def test_a_good_token_passes_and_every_other_is_refused(folder: Path) -> None:
    with world(folder) as it:
        it.envoy.wait_until_ready()
        good, ended = it.token(), it.token("/short")
        _wait_for_keys(it, good)
        now = datetime.now(UTC)
        foreign = it.partner.jwt(entry("/x", trust_domain="partner.example"), ["api"], now)
        forged = it.partner.jwt(entry("/me", trust_domain="td.example"), ["api"], now)
        time.sleep(3)  # past the end and the clock skew of one second
        refused = {
            "none": it.ask(None),
            "no token": it.ask("x"),
            "another audience": it.ask(it.token(audience="other")),
            "ended": it.ask(ended),
            "of a partner": it.ask(foreign.token),
            "a partner's key, our name": it.ask(forged.token),
            "changed": it.ask(f"{good[:-8]}AAAAAAAA"),
        }
        assert refused == dict.fromkeys(refused, 401) | {"another audience": 403}
        assert it.ask(good) == 200
        # Envoy takes the token away from what it verified, so that the app cannot leak it.
        assert it.app.tokens == {}


def test_a_partners_token_passes_where_its_own_keys_are_asked_for(folder: Path) -> None:
    with world(folder, trust_domain="partner.example") as it:
        it.envoy.wait_until_ready()
        now = datetime.now(UTC)
        theirs = it.partner.jwt(entry("/x", trust_domain="partner.example"), ["api"], now)
        forged = it.partner.jwt(entry("/me", trust_domain="td.example"), ["api"], now)
        _wait_for_keys(it, theirs.token)
        assert [it.ask(it.token()), it.ask(forged.token)] == [401, 401]


def test_tokens_of_both_keys_pass_through_a_rotation(folder: Path) -> None:
    with world(folder) as it:
        it.envoy.wait_until_ready()
        old = it.token()
        _wait_for_keys(it, old)
        it.agent.command("ca", "rotate", "--wait", "-c", it.agent.config)
        new = it.token()
        assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
        # Published for three seconds before it signs, and fetched every second.
        assert it.ask(new) == 200
        assert it.ask(old) == 200


def test_keys_stay_with_envoy_while_the_agent_is_away(folder: Path) -> None:
    with world(folder) as it:
        it.envoy.wait_until_ready()
        good = it.token()
        _wait_for_keys(it, good)
        it.agent.kill()
        failed = "cluster.jwks.upstream_cx_connect_fail"
        before = sum(it.envoy.stats(failed).values())
        wait_until(lambda: sum(it.envoy.stats(failed).values()) > before, 60, "a failed fetch")
        assert it.ask(good) == 200
        it.agent.start()
        it.agent.command("ca", "rotate", "--wait", "-c", it.agent.config)
        wait_until(lambda: it.ask(it.token()) == 200, 60, "the new key")


def test_until_the_keys_are_there_it_is_closed_and_then_good_tokens_pass(folder: Path) -> None:
    with world(folder, _NOBODY) as it:
        refused = "cluster.jwks.upstream_rq_retry"
        wait_until(lambda: sum(it.envoy.stats(refused).values()) > 1, 60, "refused twice")
        assert not it.envoy.ready
        assert it.ask(None) == 0
        text = it.agent.config.read_text()
        it.agent.config.write_text(text.replace(_NOBODY, _CONFIG))
        it.envoy.wait_until_ready()
        assert [it.ask(it.token()), it.ask("x")] == [200, 401]
