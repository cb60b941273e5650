"""A real nginx on a real agent's files: a partner's authority speaks for its own names alone."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.ca import TestCa
from support.eventually import wait_until
from support.nginx import Nginx, javascript_module
from support.real_program import open_folder

from accredit.file_output.snippets.allowed import Allowed
from accredit.file_output.snippets.nginx import nginx
from accredit.identity.bundle import encode_bundle
from accredit.identity.spiffe_id import SpiffeId

_OURS, _THEIRS = "spiffe://prod.example/client", "spiffe://partner.example/client"
_REFUSED_BY_TLS = 0
_CONFIG = """\
trust_domain: prod.example
authority: {{embedded: {{federated_bundles: {{partner.example: partner.json}}}}}}
entries:
  - {{id: /web, selectors: ["output:nginx"], federates_with: [partner.example]}}
  - {{id: /client, selectors: ["output:client"]}}
outputs:
  - profile: nginx
    folder: {nginx.files}
    validate: [nginx, -t, -q, -c, "{nginx.config}"]
    reload: {{signal: HUP, pid_file: "{nginx.pid_file}", program: nginx}}
    verify: "127.0.0.1:{nginx.port}"
  - {{profile: pem, name: client, folder: client}}
"""


@dataclass(frozen=True)
class Doors:
    """Two servers, for clients of ours and for those of the partner; ``pem`` is a client's."""

    folder: Path
    partner: TestCa
    own: Nginx
    partners: Nginx

    def certified(self, spiffe_id: str) -> Path:
        """Return the file of a certificate that the partner's authority has signed."""
        svid = self.partner.svid(spiffe_id)
        path = self.folder / "visitor.pem"
        path.write_bytes(svid.chain_pem + svid.key_pem)
        return path

    @property
    def client(self) -> Path:
        """The file of our own client's certificate."""
        path = self.folder / "own.pem"
        files = self.folder / "client/current"
        path.write_bytes((files / "tls.crt").read_bytes() + (files / "tls.key").read_bytes())
        return path

    def visit(self, server: Nginx, pem: Path) -> int:
        """Ask for a page; return the HTTP status."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.folder / "files/ca.crt")
        context.load_cert_chain(pem)
        answer = b""
        with (
            suppress(ssl.SSLError, ConnectionError),
            socket.create_connection(("127.0.0.1", server.port), 20) as plain,
            context.wrap_socket(plain) as tls,
        ):
            tls.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = tls.recv(64)
        return int(answer.split()[1]) if answer else _REFUSED_BY_TLS


def _door(folder: Path, name: str, allowed: str, bundle: str) -> Nginx:
    home = folder / name
    home.mkdir()
    snippet = nginx(Allowed((SpiffeId.parse(allowed),)), str(folder / "files" / bundle), str(home))
    for file, text in snippet.files.items():
        (home / file).write_text(text)
    lines = snippet.lines
    return Nginx(home, folder / "files", lines["server"], lines["http"], javascript_module())


@contextmanager
def opened() -> Iterator[Doors]:
    with open_folder() as folder:
        partner = TestCa("partner.example", now=datetime.now(UTC))
        (folder / "partner.json").write_bytes(encode_bundle(partner.bundle()))
        own = _door(folder, "own", _OURS, "ca.crt")
        partners = _door(folder, "partners", _THEIRS, "ca-partner.example.crt")
        agent = AgentProcess(folder, _CONFIG.format(nginx=own))
        with agent.running():
            for path in ("files/ca-partner.example.crt", "client/current/tls.key"):
                wait_until((folder / path).exists, 60)
            with own.running(), partners.running():
                yield Doors(folder, partner, own, partners)


@pytest.mark.rows("SV-07")
def test_nginx_refuses_an_id_of_ours_that_a_partners_authority_has_signed() -> None:
    with opened() as doors:
        assert doors.visit(doors.own, doors.client) == 200
        assert doors.visit(doors.partners, doors.certified(_THEIRS)) == 200
        forged = doors.certified(_OURS)
        assert doors.visit(doors.own, forged) in {400, _REFUSED_BY_TLS}
        assert doors.visit(doors.partners, forged) == 403
        assert doors.visit(doors.partners, doors.client) in {400, _REFUSED_BY_TLS}
        assert doors.visit(doors.own, doors.certified(_THEIRS)) in {400, _REFUSED_BY_TLS}
