"""A TLS session from before its SVID expired opens no door afterwards."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import needs
from support.envoy_process import EnvoyProcess
from support.sidecar import app, caller, legacy_app, line_app
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol

_LIFE = timedelta(seconds=9)
_VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def apps() -> Iterator[dict[Protocol, Endpoint]]:
    found = {Protocol.HTTP: free_port(), Protocol.TCP: free_port()}
    with (
        app.serving(found[Protocol.HTTP], legacy_app.talk),
        app.serving(found[Protocol.TCP], line_app.talk),
    ):
        yield found


@contextlib.contextmanager
def _inbounds(
    world: World, name: str, apps: dict[Protocol, Endpoint], *, as_generated: bool
) -> Iterator[dict[Protocol, Endpoint]]:
    """Run a sidecar; unless ``as_generated`` it resumes sessions, as Envoy would by default."""
    ports = {protocol: free_port() for protocol in apps}
    text = f"sidecar:\n  spiffe_id: {APP}\n  inbound:\n"
    for protocol, at in apps.items():
        text += f"    - listen: {ports[protocol]}\n      app: {at}\n      allow: {FRONTEND}\n"
        text += f'      min_tls: "1.2"\n      protocol: {protocol.value}\n'
    sidecar = world.read(name, text)
    folder = Path(sidecar.admin_socket).parent
    folder.mkdir()
    envoy = EnvoyProcess(folder, sidecar, program=needs.envoy())
    if not as_generated:
        file = folder / "bootstrap.json"
        generated = file.read_text()
        for kind in ("stateless", "stateful"):
            assert f'"disable_{kind}_session_resumption": true' in generated
            generated = generated.replace(
                f'"disable_{kind}_session_resumption": true',
                f'"disable_{kind}_session_resumption": false',
            )
        file.write_text(generated)
    with envoy.running():
        envoy.wait_until_ready()
        yield ports


class Client:
    """One client that keeps its TLS session."""

    def __init__(self, certificate: Path, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._context.minimum_version = self._context.maximum_version = version
        self._context.load_cert_chain(certificate)
        self._session: ssl.SSLSession | None = None
        self.resumed = False

    def is_served(self, protocol: Protocol, to: Endpoint) -> bool:
        plain = socket.create_connection((to.host, to.port), 20)
        try:
            with self._context.wrap_socket(plain, session=self._session) as sock:
                self.resumed = bool(sock.session_reused)
                served = caller.speak(protocol, sock)
                # In TLS 1.3 the ticket comes with the first data.
                self._session = sock.session
                return served
        except (ConnectionError, EOFError, ssl.SSLError):
            return False


def _short_lived(world: World) -> tuple[Path, datetime]:
    end = datetime.now(UTC) + _LIFE
    return world.pem(world.prod.issue(FRONTEND, not_after=end)), end


def _sleep_until(when: datetime) -> None:
    time.sleep(max(0, (when - datetime.now(UTC)).total_seconds()) + 1)


def test_a_session_is_never_resumed_and_an_expired_svid_is_refused(
    world: World, apps: dict[Protocol, Endpoint]
) -> None:
    with _inbounds(world, "as-generated", apps, as_generated=True) as ports:
        certificate, end = _short_lived(world)
        clients = {(each, v): Client(certificate, v) for each in ports for v in _VERSIONS}
        for (protocol, _), client in clients.items():
            assert client.is_served(protocol, ports[protocol])
            assert client.is_served(protocol, ports[protocol])
            assert not client.resumed
        _sleep_until(end)
        for (protocol, _), client in clients.items():
            assert not client.is_served(protocol, ports[protocol])
            assert not client.resumed


def test_an_envoy_left_to_its_defaults_would_resume(
    world: World, apps: dict[Protocol, Endpoint]
) -> None:
    """Without this the test above would pass with a client that never tries."""
    with _inbounds(world, "by-default", apps, as_generated=False) as ports:
        certificate, _ = _short_lived(world)
        for version in _VERSIONS:
            client = Client(certificate, version)
            client.is_served(Protocol.HTTP, ports[Protocol.HTTP])
            client.is_served(Protocol.HTTP, ports[Protocol.HTTP])
            assert client.resumed
