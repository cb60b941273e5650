"""An inbound that demands JWT-SVIDs, whose keys come late: closed till then, and no 401 after."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from support import needs
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, caller, jwks_app, legacy_app
from support.sidecar.http1 import read_head
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port
from support.token import Token

from accredit.envoy.address import Endpoint, Pipe


@dataclass
class Late:
    """A sidecar that runs, and serves plaintext so that asking is easy; nobody serves ``keys``."""

    envoy: EnvoyProcess
    at: Endpoint
    keys: Pipe
    token: Token

    def ask(self) -> int:
        """Return the status of a request with a good token; 0 if nobody listens."""
        try:
            with app.connect(self.at) as sock:
                return caller.get(sock, "/", f"Authorization: Bearer {self.token}").status
        except ConnectionRefusedError:
            return 0

    def answers(self) -> set[int]:
        """Return every answer there was from now until it is open, and for a while after that."""
        seen = {self.ask()}

        def opens() -> bool:
            seen.add(self.ask())
            return seen != {0}

        wait_until(opens, 60, "the inbound opens")
        assert self.envoy.ready
        return seen | {self.ask() for _ in range(50)}

    def asks(self, more: str = "upstream_(cx_connect_fail|rq_total)") -> None:
        """Return once Envoy has asked for keys, twice or more."""
        asked = rf"^cluster\.jwks.*\.{more}$"
        wait_until(lambda: sum(self.envoy.stats(asked).values()) > 3, 60, "it has asked")


@pytest.fixture
def late(world: World, tmp_path: Path) -> Iterator[Late]:
    at, to, keys = free_port(), free_port(), Pipe(str(tmp_path / "jwks.sock"))
    until = (world.now + timedelta(days=30)).date()
    text = f"""
sidecar:
  spiffe_id: {APP}
  admin: {tmp_path}/sidecar/admin.sock
  inbound:
    - {{listen: "{at}", app: "{to}", allow: "{FRONTEND}", mode: permissive, until: "{until}",
       jwt: {{audience: api, jwks: "{keys.path}"}}}}
"""
    (tmp_path / "sidecar").mkdir()
    sidecar = world.read("late", text)
    token = Token(
        world.prod.jwt_key,
        {"kid": world.prod.jwt_authority.key_id},
        {"sub": FRONTEND, "aud": ["api"]},
        now=world.now,
    )
    envoy = EnvoyProcess(tmp_path / "sidecar", sidecar, program=needs.envoy())
    with app.serving(to, legacy_app.talk), envoy.running():
        secrets = r"^sds\..*update_success$"
        wait_until(
            lambda: sum(envoy.stats(secrets).values()) >= 2, 60, "all certificates are there"
        )
        yield Late(envoy, at, keys, token)


def test_while_nobody_serves_them_it_is_closed_and_not_ready(world: World, late: Late) -> None:
    late.asks()
    assert late.envoy.get("/ready")[0] == 503
    with app.serving(late.keys, jwks_app.of(world.prod.bundle())):
        assert late.answers() <= {0, 200}


def test_while_they_are_refused_it_is_closed_and_not_ready(world: World, late: Late) -> None:
    granted = threading.Event()
    served = jwks_app.of(world.prod.bundle())

    def talk(sock: socket.socket) -> None:
        if granted.is_set():
            served(sock)
        elif read_head(sock.makefile("rb")) is not None:
            sock.sendall(b"HTTP/1.1 503 Not Now\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with app.serving(late.keys, talk):
        late.asks()
        assert late.envoy.get("/ready")[0] == 503
        granted.set()
        assert late.answers() <= {0, 200}


def test_who_does_not_answer_is_asked_again(world: World, late: Late) -> None:
    mute = threading.Event()
    served = jwks_app.of(world.prod.bundle())

    def talk(sock: socket.socket) -> None:
        if mute.is_set():
            served(sock)
        else:
            with contextlib.suppress(OSError):
                sock.makefile("rb").read()  # until Envoy hangs up

    with app.serving(late.keys, talk):
        late.asks()
        assert late.envoy.get("/ready")[0] == 503
        mute.set()
        assert late.answers() <= {0, 200}
