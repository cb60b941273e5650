"""A real Envoy adds JWT-SVIDs from SDS to an app's requests, always fresh, or lets none out."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from support import needs
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.http_envoy import Json, bootstrap, injector, pipe_cluster
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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
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
    agent = AgentProcess(folder, text)
    filter_ = injector(name, delta=delta, timeout=timeout)
    with agent.running(), _beside(agent, filter_, folder / "sidecar") as it:
        yield it


@contextmanager
def _beside(agent: AgentProcess, filter_: Json, folder: Path) -> Iterator[World]:
    """Run an Envoy with that filter, and an app behind it."""
    needs.envoy()
    listen, at = free_port(), free_port()
    sds = pipe_cluster("agent", agent.socket, http2=True)
    folder.mkdir()
    envoy = EnvoyProcess(folder, bootstrap=bootstrap(listen, at, [filter_], sds))
    with TokenApp(at).running() as app, envoy.running():
        yield World(agent, app, envoy, listen.port)


@contextmanager
def both(folder: Path, text: str) -> Iterator[list[tuple[World, Load]]]:
    """Run an Envoy of either kind beside one agent, and load: they wait for the same clock."""
    agent = AgentProcess(folder, text)
    with agent.running(), ExitStack() as stack:
        found = []
        for name, delta in (("sotw", False), ("delta", True)):
            filter_ = injector(f"jwt:{_AUDIENCE}", delta=delta, timeout="0s")
            it = stack.enter_context(_beside(agent, filter_, folder / name))
            it.envoy.wait_until_ready()
            found.append((it, stack.enter_context(Load(it.port).running())))
        yield found


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
    for token in list(it.app.tokens):
        issued = datetime.fromtimestamp(claims(token)["iat"], UTC)
        found = validate_jwt_svid(token, (_AUDIENCE,), bundles, issued)
        assert str(found.spiffe_id) == _ME
        key = keys[jwt.get_unverified_header(token)["kid"]]
        read = jwt.decode(token, key, ["ES256"], audience=_AUDIENCE, options={"verify_exp": False})
        assert read["sub"] == _ME


@pytest.mark.slow
def test_no_request_goes_out_without_a_token_or_with_one_that_has_ended(folder: Path) -> None:
    with both(folder, config("6s")) as ways:
        wait_until(
            lambda: all(len(it.app.tokens) > _RENEWALS for it, _ in ways), 120, "ten renewals"
        )
        for it, load in ways:
            assert load.failures == []
            assert it.app.wrong == []
            assert load.kept.ok > 100
            assert load.fresh.ok > 100
            verify_all(it)
            assert it.envoy.stats("credential_injector.failed") == {
                "http.in.credential_injector.failed": 0
            }
        # One that is just renewed may be on its way.
        accepted = [("JWT-SVID", "accepted")] * len(ways)
        wait_until(lambda: ways[0][0].states() == accepted, 60, "the newest is accepted")


@pytest.mark.slow
def test_tokens_stay_fresh_when_the_agent_is_killed_and_when_its_keys_rotate(folder: Path) -> None:
    with both(folder, config("12s")) as ways:
        apps, agent = [it.app for it, _ in ways], ways[0][0].agent
        wait_until(lambda: all(app.tokens for app in apps), 60, "a request")
        agent.kill()
        before = {app: len(app.tokens) for app in apps}
        agent.start()
        wait_until(
            lambda: all(len(app.tokens) > seen for app, seen in before.items()),
            60,
            "a token of the new one",
        )
        old = {kid for app in apps for kid in keys_seen(app)}
        agent.command("ca", "rotate", "--wait", "-c", agent.config)
        wait_until(
            lambda: all(keys_seen(app)[-1] not in old for app in apps), 60, "a token of the new key"
        )
        for it, load in ways:
            verify_all(it)
            assert load.failures == []
            assert it.app.wrong == []


def keys_seen(app: TokenApp) -> list[str]:
    return [str(jwt.get_unverified_header(token)["kid"]) for token in list(app.tokens)]


@_KINDS
def test_before_there_is_a_token_nothing_goes_out_and_then_it_replaces_the_apps_own(
    folder: Path, delta: bool
) -> None:
    with world(folder, _NOBODY, delta=delta) as it:
        wait_until(lambda: it.states() == [("", "parked")], 60, "parked")
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
        wait_until(lambda: it.states() == [("", "never")], 60, "never")
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
