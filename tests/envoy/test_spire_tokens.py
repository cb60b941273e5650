"""JWT-SVIDs of a real SPIRE, demanded by a sidecar with keys from SPIRE's OIDC provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jwt
from support import needs, spire
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app
from support.sidecar_pair import CALLER, free_port
from support.sidecar_run import SidecarRun
from support.spire import SpireAgent, SpireKeys
from support.spire_callers import THIS_PROGRAM, fetched, token

from accredit.envoy.address import Endpoint


@contextmanager
def _world(folder: Path) -> Iterator[tuple[SpireAgent, SpireKeys, SidecarRun, Endpoint]]:
    """Run SPIRE and a sidecar whose caller is the test itself; keys are not served yet."""
    needs.envoy()
    at, mtls = free_port(), free_port()
    with spire.running(folder, "td.example") as agent, app.serving(at, legacy_app.talk):
        keys = SpireKeys(folder / "keys", agent.server)
        content = (
            f"  socket: {agent.socket}\n  spiffe_id: /server\n  inbound:\n"
            f"    - {{listen: '{mtls}', app: '{at}', allow: [{CALLER}],"
            f" jwt: {{audience: [api], jwks: {keys.socket}}}}}\n"
        )
        sidecar = SidecarRun(folder / "server", content, "--profile", "spire")
        agent.create("/server", selector=f"unix:path:{sidecar.folder}/envoy")
        agent.create("/caller", selector=THIS_PROGRAM)
        with sidecar.running(), ExitStack() as stack:
            stack.callback(keys.stop)
            yield agent, keys, sidecar, mtls


def _rotate_jwt_key(agent: SpireAgent) -> str:
    """Return the id of the key that signs from now on."""
    keys = ("localauthority", "jwt")
    prepared = json.loads(agent.server.cli(*keys, "prepare", "-output", "json"))
    found: str = prepared["prepared_authority"]["authority_id"]
    agent.server.cli(*keys, "activate", "-authorityID", found)
    return found


def test_tokens_are_verified_by_spires_keys_which_rotate(folder: Path) -> None:
    with _world(folder) as (agent, keys, sidecar, mtls):
        certificate = fetched(agent, folder)

        def status(bearer: str | None) -> int:
            fields = () if bearer is None else (f"Authorization: Bearer {bearer}",)
            with caller.connect(mtls, certificate) as sock:
                return caller.get(sock, "/", *fields).status

        wait_until(lambda: str(keys.socket) in sidecar.log_text(), 60, "it waits for keys")
        assert sidecar.times_ready() == 0
        keys.start()
        sidecar.wait_until_serving()
        old = token(agent, "api")
        assert [status(None), status(token(agent, "another")), status(old)] == [401, 403, 200]

        authority = _rotate_jwt_key(agent)
        # SPIRE's agent keeps tokens, and has none yet for these two.
        new = token(agent, "api", "later")
        assert jwt.get_unverified_header(new)["kid"] == authority
        wait_until(lambda: status(new) == 200, 60, "the new key is known")
        assert status(old) == 200
