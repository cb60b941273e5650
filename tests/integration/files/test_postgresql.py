"""A real PostgreSQL on files that rotate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support import handshakes, recipes
from support.ca import TestCa
from support.outputs import at_work, rotate_under_load
from support.postgresql import Postgresql
from support.real_program import open_folder

from accredit.file_output.snippets.postgresql import postgresql

_ROTATIONS = 50


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(folder: Path) -> None:
    server = Postgresql(folder / "server", folder / "files", "")
    await rotate_under_load(
        server, server.files, recipes.postgresql(server), _ROTATIONS, preface=handshakes.postgresql
    )


async def test_clients_verify_it_and_it_verifies_them_before_and_after_a_rotation(
    folder: Path,
) -> None:
    hba = "hostssl all all 127.0.0.1/32 trust clientcert=verify-ca"
    server = Postgresql(folder / "server", folder / "files", hba)
    async with at_work(server.files, recipes.postgresql(server)) as bench:
        await bench.written()
        known, stranger = Client(folder / "known", bench.ca), Client(folder / "stranger", TestCa())
        with server.running():
            for _ in range(2):
                await bench.rotated()
                assert known.ask(server, bench.ca).stdout == "admin\n"
                refused = stranger.ask(server, bench.ca)
                assert refused.returncode != 0
                assert "unknown ca" in refused.stderr
                assert "verify failed" in known.ask(server, TestCa()).stderr


async def test_the_snippet_lets_in_by_common_name_who_the_own_authority_named(
    folder: Path,
) -> None:
    snippet = postgresql({"web": "reader"}, str(folder / "files/ca.crt"))
    server = Postgresql(
        folder / "server",
        folder / "files",
        snippet.lines["pg_hba.conf"],
        snippet.lines["pg_ident.conf"],
    )
    partner = TestCa("partner.example", now=datetime.now(UTC))
    async with at_work(server.files, recipes.postgresql(server), partner) as bench:
        await bench.written()
        own = bench.ca
        allowed = Client(folder / "allowed", own, "spiffe://td.example/web", "web")
        other = Client(folder / "other", own, "spiffe://td.example/other", "other")
        nameless = Client(folder / "nameless", own, "spiffe://td.example/web")
        forged = Client(folder / "forged", partner, "spiffe://td.example/web", "web")
        with server.running():
            await bench.rotated()
            server.admin("create role reader login; create role writer login")
            assert allowed.ask(server, own, "reader").stdout == "reader\n"
            assert "certificate authentication failed" in allowed.ask(server, own, "writer").stderr
            assert "certificate authentication failed" in other.ask(server, own, "reader").stderr
            assert "certificate authentication failed" in nameless.ask(server, own, "reader").stderr
            assert "unknown ca" in forged.ask(server, own, "reader").stderr


class Client:
    """A client certificate of ``ca`` in files of its own."""

    def __init__(self, folder: Path, ca: TestCa, spiffe_id: str = "", subject: str = "") -> None:
        folder.mkdir()
        self.folder = folder
        svid = ca.svid(spiffe_id or f"spiffe://{ca.trust_domain}/client", subject=subject)
        (folder / "tls.crt").write_bytes(svid.chain_pem)
        (folder / "tls.key").write_bytes(svid.key_pem)
        (folder / "tls.key").chmod(0o600)

    def ask(
        self, server: Postgresql, trusted: TestCa, user: str = "admin"
    ) -> subprocess.CompletedProcess[str]:
        """Log in, while trusting one authority alone to vouch for the server."""
        root = self.folder / "root.crt"
        root.write_bytes(trusted.root.public_bytes(Encoding.PEM))
        return server.psql(
            f"host=127.0.0.1 port={server.port} user={user} dbname=postgres sslmode=verify-ca"
            f" sslcert={self.folder}/tls.crt sslkey={self.folder}/tls.key sslrootcert={root}"
        )
