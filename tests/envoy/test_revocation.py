"""What an operator revokes, a real Envoy refuses; everybody else gets through all the time."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar_pair import CALLER, SERVER, Pair

from accredit.agent.admin_client import ask
from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.store import RevocationStore

_HEAD = """trust_domain: td.example
attestation: {unix: {discover_path: true}}
"""
_PLAIN = "sds: {disable_spiffe_cert_validation: true}\n"
# Lists are replaced after 17 s, and a root goes some 25 s after its rotation was asked for.
_SHORT = """authority:
  embedded: {always_crl: true, publish_for: 8s, refresh_hint: 2s, max_x509_ttl: 16s, clock_skew: 1s}
"""
_REVOKED = "certificate_revoked"  # in its access log, which has no blanks in it


@dataclass
class World:
    """The test itself is a second holder of the caller's identity, under an entry of its own."""

    agent: AgentProcess
    pair: Pair
    load: Load
    _fetched: int = field(default=0)

    def operator(self, *arguments: str | Path) -> Any:
        admin = ("--admin-socket", str(self.agent.admin_socket))
        return json.loads(self.agent.command(*arguments, *admin, "--output", "json"))

    def revoke(self, certificate: Path) -> None:
        """Revoke without the time that a command takes, as the SVID may end before."""
        assert ask(self.agent.admin_socket, "revoke.svid", certificate=certificate.read_text())[
            "revoked"
        ]

    def numbers(self) -> dict[str, int]:
        """Return the numbers of the lists by the root that signed them."""
        found = ask(self.agent.admin_socket, "revoke.list")["crls"]
        return {each["root"]: each["number"] for each in found}

    def fetch(self) -> Path:
        """Return the test's own SVID as it is now, in a file with its key."""
        self._fetched += 1
        written = self.agent.folder / f"own{self._fetched}"
        socket = f"unix://{self.agent.socket}"
        self.agent.command("api", "fetch", "x509", "--socket", socket, "--write", written)
        both = written / "both.pem"
        both.write_bytes(
            (written / "svid.0.pem").read_bytes() + (written / "svid.0.key").read_bytes()
        )
        return both

    def gets_through(self, certificate: Path) -> bool:
        """Tell whether the server's Envoy answers whoever holds that certificate."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(certificate)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.pair.mtls.port, context=context, timeout=30
        )
        try:
            connection.request("GET", "/", headers={"connection": "close"})
            answer = connection.getresponse()
            answer.read()
        except (ssl.SSLError, ConnectionError):
            return False
        finally:
            connection.close()
        return answer.status == 200

    def refused_as_revoked(self, certificate: Path) -> bool:
        """Try; tell whether the server's Envoy says that it was the revocation."""
        return not self.gets_through(certificate) and _REVOKED in self.pair.server.log_text()

    def served(self, more: int) -> None:
        """Wait until the load has got so many more answers on new connections."""
        wanted = self.load.fresh.ok + more
        wait_until(lambda: self.load.fresh.ok >= wanted, 60, "more requests")

    def all_served(self) -> bool:
        assert self.load.failures == [], self.pair.caller.failures() + self.pair.server.failures()
        return True


@contextmanager
def _world(folder: Path, config: str, ttl: str) -> Iterator[World]:
    needs.envoy()
    entries = sidecar_pair.entries(folder, ttl)
    python = Path(sys.executable).resolve()
    entries += f'  - {{id: {CALLER.path}, selectors: ["unix:path:{python}"], ttl: {ttl}}}\n'
    agent = AgentProcess(folder, _HEAD + config + entries)
    with (
        agent.running(),
        # Connections end soon, so that the load meets every new list, certificate and root.
        sidecar_pair.running(folder, agent.socket, lifetime=timedelta(seconds=1)) as pair,
        Load(pair.port).running() as load,
    ):
        yield World(agent, pair, load)


def _revoke_own(world: World) -> tuple[Path, Path]:
    """Have the test's SVID revoked, and it alone; return it and the one that came in its place."""
    world.served(20)
    stolen = world.fetch()
    assert world.gets_through(stolen)
    answer = world.operator("revoke", "svid", "--file", stolen)
    begun = time.monotonic()
    wait_until(lambda: world.refused_as_revoked(stolen), 60, "the revoked SVID is refused")
    print(f"refused {time.monotonic() - begun:.3f} s after the command had returned")
    assert answer["revoked"][0]["spiffe_id"] == str(CALLER)
    fresh = world.fetch()
    assert world.gets_through(fresh)
    return stolen, fresh


def test_a_plain_context_refuses_what_was_revoked(folder: Path) -> None:
    with _world(folder, _PLAIN, "1h") as world:
        _revoke_own(world)
        world.served(20)
        assert world.all_served()


def test_the_spiffe_validator_refuses_what_was_revoked_restart_or_not(folder: Path) -> None:
    with _world(folder, "", "1h") as world:
        stolen, fresh = _revoke_own(world)

        world.agent.kill()
        world.agent.start()
        assert not world.gets_through(stolen)
        assert world.gets_through(fresh)

        [entry] = [
            each for each in world.operator("entry", "list") if "python" in each["selectors"][0]
        ]
        # What was signed before the agent was killed is still known.
        gone = world.operator("revoke", "entry", entry["entry_id"])["revoked"]
        assert len(gone) >= 1
        wait_until(lambda: not world.gets_through(fresh), 60, "all SVIDs of the entry are refused")
        world.served(20)
        assert world.all_served()

        # The caller's Envoy looks at the server's SVID no less.
        world.operator("revoke", "entry", str(SERVER))
        wait_until(lambda: _REVOKED in world.pair.caller.log_text(), 60, "the server is refused")


def test_ten_thousand_revoked_svids_are_not_too_many(folder: Path) -> None:
    with _world(folder, "", "1h") as world:
        first = x509.load_pem_x509_certificate(world.fetch().read_bytes())
        world.agent.stop()
        _account_for(world.agent.folder / "data/authority", first, 10_000)
        world.agent.start()
        # No entry has that name, and none ever had: what counts is what was signed.
        answer = ask(world.agent.admin_socket, "revoke.entry", name="/many")
        assert len(answer["revoked"]) == 10_000
        world.served(20)
        _revoke_own(world)
        world.served(20)
        assert world.all_served()


def _account_for(authority: Path, like: x509.Certificate, count: int) -> None:
    [root] = (authority / "keys").glob("x509-*.key")
    kid, store = root.stem.removeprefix("x509-"), RevocationStore(authority / "revocation.db")
    ends = like.not_valid_after_utc + timedelta(hours=1)
    serials = range(like.serial_number + 1, like.serial_number + 1 + count)
    name = f"{CALLER.trust_domain.id}/many"
    store.note(Issued(each, kid, "many", name, ends) for each in serials)
    store.close()


@pytest.mark.slow
def test_nobody_else_fails_while_lists_are_signed_anew_and_roots_replaced(folder: Path) -> None:
    with _world(folder, _SHORT, "16s") as world:
        world.served(20)
        world.revoke(world.fetch())
        [(old_root, first)] = world.numbers().items()
        world.operator("ca", "rotate")
        # A list that is signed anew for its age alone is told in the log.
        wait_until(
            lambda: "revocation lists signed anew" in world.agent.log.read_text(), 90, "a new list"
        )
        assert min(world.numbers().values()) > first
        wait_until(lambda: old_root not in world.numbers(), 120, "a new root alone")
        assert len(world.numbers()) == 1

        stolen = world.fetch()
        world.revoke(stolen)
        wait_until(lambda: world.refused_as_revoked(stolen), 60, "the new root's SVID is refused")
        world.served(50)
        assert world.all_served()
