"""A real Envoy adds JWT-SVIDs from SDS to an app's requests, always fresh, or lets none out."""

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
import pytest
from support import needs
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess, wait_until
from support.http_envoy import bootstrap, injector, pipe_cluster
from support.load import Load
from support.sidecar_pair import free_port
from support.token_app import TokenApp, claims

from accredit.identity.bundle import parse_bundle
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.spiffe_id import TrustDomain

_ME = "spiffe://td.example/me"
_AUDIENCE = "https://api.example/"
_RENEWALS = 10
_KINDS = pytest.mark.parametrize("delta", [False, True], ids=["GRPC", "DELTA_GRPC"])


def config(ttl: str) -> str:
    uid = os.geteuid()
    return f"""
trust_domain: td.example
jwt_ttl: {ttl}
authority: {{embedded: {{publish_for: 1s, clock_skew: 1s}}}}
entries:
  - {{id: /me, selectors: ["unix:uid:{uid}"]}}
"""


_NOBODY = "\ntrust_domain: td.example\nentries: []\n"


@dataclass
class World:
    agent: AgentProcess
    app: TokenApp
    envoy: EnvoyProcess
    port: int

    def get(self, **headers: str) -> tuple[int, bytes]:
        """Ask through Envoy; (0, b"") while it does not listen."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError:
            return 0, b""
        finally:
            connection.close()

    def states(self) -> list[tuple[str, str]]:
        """Return kind and state of what the Envoy asked for."""
        status = json.loads(self.agent.command("status", "--output=json", "-c", self.agent.config))
        connections = status["sds"]["connections"]
        return [(each["kind"], each["state"]) for one in connections for each in one["secrets"]]


@contextmanager
def world(
    folder: Path, text: str, *, delta: bool, timeout: str = "0s", name: str = f"jwt:{_AUDIENCE}"
) -> Iterator[World]:
    needs.envoy()
    agent, listen, at = AgentProcess(folder, text), free_port(), free_port()
    filters = [injector(name, delta=delta, timeout=timeout)]
    sds = pipe_cluster("agent", agent.socket, http2=True)
    (folder / "sidecar").mkdir()
    envoy = EnvoyProcess(folder / "sidecar", bootstrap=bootstrap(listen, at, filters, sds))
    with agent.running(), TokenApp(at).running() as app, envoy.running():
        yield World(agent, app, envoy, listen.port)


def verify_all(it: World) -> None:
    """Verify every token the app saw, by our own code and by PyJWT's alone."""
    document = it.agent.command("bundle", "show", "-c", it.agent.config).encode()
    own = TrustDomain("td.example")
    bundles = {own: parse_bundle(own, document).bundle}
    keys = {
        key["kid"]: jwt.PyJWK({k: v for k, v in key.items() if k != "use"}, "ES256")
        for key in json.loads(document)["keys"]
        if key["use"] == "jwt-svid"
    }
    for token in it.app.tokens:
        issued = datetime.fromtimestamp(claims(token)["iat"], UTC)
        found = validate_jwt_svid(token, (_AUDIENCE,), bundles, issued)
        assert str(found.spiffe_id) == _ME
        key = keys[jwt.get_unverified_header(token)["kid"]]
        read = jwt.decode(token, key, ["ES256"], audience=_AUDIENCE, options={"verify_exp": False})
        assert read["sub"] == _ME


@_KINDS
@pytest.mark.slow
def test_no_request_goes_out_without_a_token_or_with_one_that_has_ended(
    folder: Path, delta: bool
) -> None:
    with world(folder, config("6s"), delta=delta) as it:
        it.envoy.wait_until_ready()
        with Load(it.port).running() as load:
            wait_until(lambda: len(it.app.tokens) > _RENEWALS, 120, "ten renewals")
        assert load.failures == []
        assert it.app.wrong == []
        assert load.kept.ok > 100
        assert load.fresh.ok > 100
        verify_all(it)
        assert it.states() == [("JWT-SVID", "accepted")]
        assert it.envoy.stats("credential_injector.failed") == {
            "http.in.credential_injector.failed": 0
        }


@_KINDS
@pytest.mark.slow
def test_tokens_stay_fresh_when_the_agent_is_killed_and_when_its_keys_rotate(
    folder: Path, delta: bool
) -> None:
    with world(folder, config("12s"), delta=delta) as it:
        it.envoy.wait_until_ready()
        with Load(it.port).running() as load:
            wait_until(lambda: bool(it.app.tokens), 20, "a request")
            before = len(it.app.tokens)
            it.agent.kill()
            time.sleep(0.5)
            it.agent.start()
            wait_until(lambda: len(it.app.tokens) > before, 40, "a token of the new one")
            old = {jwt.get_unverified_header(token)["kid"] for token in it.app.tokens}
            it.agent.command("ca", "rotate", "--wait", "-c", it.agent.config)
            wait_until(lambda: not old & {newest_key(it.app)}, 20, "a token of the new key")
            verify_all(it)
        assert load.failures == []
        assert it.app.wrong == []


def newest_key(app: TokenApp) -> str:
    return str(jwt.get_unverified_header(list(app.tokens)[-1])["kid"])


@_KINDS
def test_before_there_is_a_token_nothing_goes_out_and_then_it_replaces_the_apps_own(
    folder: Path, delta: bool
) -> None:
    with world(folder, _NOBODY, delta=delta) as it:
        wait_until(lambda: it.states() == [("", "parked")], 20, "parked")
        assert not it.envoy.ready
        assert it.get() == (0, b"")
        text = it.agent.config.read_text()
        it.agent.config.write_text(text.replace(_NOBODY, config("5m")))
        it.envoy.wait_until_ready()
        assert it.get(authorization="Basic stolen") == (200, b"ok")
        assert it.app.wrong == []
        verify_all(it)


@_KINDS
def test_an_envoy_that_did_not_wait_for_its_token_refuses_requests(
    folder: Path, delta: bool
) -> None:
    with world(folder, _NOBODY, delta=delta, timeout="0.5s") as it:
        it.envoy.wait_until_ready()
        assert it.get() == (401, b"Failed to inject credential.")
        assert (it.app.tokens, it.app.wrong) == ({}, [])


@_KINDS
def test_a_name_without_an_audience_never_gets_one(folder: Path, delta: bool) -> None:
    with world(folder, config("5m"), delta=delta, name="jwt:") as it:
        wait_until(lambda: it.states() == [("", "never")], 20, "never")
        if delta:  # told so, it waits no longer
            it.envoy.wait_until_ready()
            assert it.get()[0] == 401
        assert (it.app.tokens, it.app.wrong) == ({}, [])


def test_what_people_are_shown_is_never_the_token(folder: Path) -> None:
    with world(folder, config("5m"), delta=False) as it:
        it.envoy.wait_until_ready()
        it.get()
        (token,) = it.app.tokens
        agent = it.agent
        shown = agent.command("status", "-c", agent.config)
        shown += agent.command("status", "--output=json", "-c", agent.config)
        address = f"--socket=unix://{agent.socket}"
        for form in ("text", "json"):
            shown += agent.command("sds", "fetch", f"jwt:{_AUDIENCE}", address, f"--output={form}")
        assert _ME in shown
        assert "JWT-SVID" in shown
        assert "eyJ" not in shown
        assert [part for part in token.split(".") if part in shown] == []
