"""One machine: our SDS, authorities good and bad, and Envoys from sidecar files."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from accredit.envoy import sidecar_file
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile, Sidecar
from accredit.rotation.snapshot import Snapshot
from support import needs
from support.ca import Issued, TestCa
from support.entries import entry
from support.envoy_process import EnvoyProcess
from support.sidecar.scripted_sds import ScriptedSds
from support.snapshots import snapshot

APP = "spiffe://prod.example/ns/app"
FRONTEND = "spiffe://prod.example/ns/web/sa/frontend"
INTRUDER = "spiffe://prod.example/ns/web/sa/intruder"
_ENTRIES = [entry(path) for path in ("/ns/app", "/ns/web/sa/frontend", "/ns/web/sa/intruder")]


class World:
    """Sidecars of ``prod.example``, federated with ``partner.example`` and ``prod.example.evil``.

    Any of them gets any of the three identities above, whichever its file names.
    """

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder, self.now = folder, now
        self.prod, self.partner = (
            TestCa("prod.example", now=now),
            TestCa("partner.example", now=now),
        )
        self.evil = TestCa("prod.example.evil", now=now)
        self.sds = ScriptedSds(folder / "api.sock", self.state())
        self._written = 0

    def state(self) -> Snapshot:
        """Return newly issued certificates for everybody."""
        return snapshot(self.prod, *_ENTRIES, partners=(self.partner, self.evil))

    def read(self, name: str, text: str, profile: Profile = Profile.ACCREDIT) -> Sidecar:
        """Return what a sidecar file says; this world's socket stands for the agent's."""
        at = Surroundings(profile, str(self.sds.socket), str(self.folder), self.now.date())
        return sidecar_file.parse(text, Path(f"{name}.yaml"), at)

    @contextlib.contextmanager
    def sidecar(
        self, name: str, text: str, profile: Profile = Profile.ACCREDIT
    ) -> Iterator[EnvoyProcess]:
        """Run the Envoy of a sidecar file; it is ready when the block starts."""
        sidecar = self.read(name, text, profile)
        folder = Path(sidecar.admin_socket).parent
        folder.mkdir()
        with EnvoyProcess(folder, sidecar, program=needs.envoy()).running() as envoy:
            envoy.wait_until_ready()
            yield envoy

    def pem(self, issued: Issued) -> Path:
        """Return a file with a certificate, what is above it, and its key."""
        self._written += 1
        file = self.folder / f"client-{self._written}.pem"
        key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in issued.chain) + key)
        return file


@contextlib.contextmanager
def running() -> Iterator[World]:
    """Run a world without any sidecar yet."""
    needs.envoy()
    with tempfile.TemporaryDirectory(prefix="accredit-") as name:
        world = World(Path(name), datetime.now(UTC))
        with world.sds.running():
            yield world
