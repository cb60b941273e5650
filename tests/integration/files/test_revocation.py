"""Programs that read files refuse what was revoked, each with the line that our pages give it."""

from __future__ import annotations

import http.client
import shutil
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.apache import Apache
from support.ca import TestCa
from support.eventually import wait_until
from support.haproxy import Haproxy
from support.nginx import Nginx
from support.postgresql import Postgresql, user
from support.real_program import Program, open_folder
from support.visitors import REFUSED_BY_TLS, Visitors

from accredit.file_output.encode import encode_bundle
from accredit.file_output.spec import Kind
from accredit.identity.bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid

_WEB = "spiffe://td.example/web"


def with_nginx(folder: Path) -> Program:
    lines = (
        f"ssl_client_certificate {folder}/ca.crt; ssl_verify_client on; ssl_crl {folder}/crl.pem;"
    )
    return Nginx(folder, folder, lines)


def with_haproxy(folder: Path) -> Program:
    bind = f"ca-file {folder}/ca.crt verify required crl-file {folder}/crl.pem"
    return Haproxy(folder, folder, bind)


def with_apache(folder: Path) -> Program:
    lines = (
        f"SSLCACertificateFile {folder}/ca.crt\nSSLVerifyClient require\n"
        f"SSLCARevocationFile {folder}/crl.pem\nSSLCARevocationCheck chain\n"
    )
    return Apache(folder, folder, lines)


@dataclass
class Lists:
    """Files as an output with kind ``crl`` writes them, while a new root is already there."""

    folder: Path

    def __post_init__(self) -> None:
        self.visitors = Visitors(self.folder)
        own, new = self.visitors.own, TestCa("td.example", now=datetime.now(UTC))
        self.good, self.revoked = (own.svid(_WEB, subject="web") for _ in range(2))
        lists = (own.crl(self.revoked.leaf.serial_number), new.crl())
        bundle = TrustBundle(own.trust_domain, (own.root, new.root), crls=lists)
        for kind, name in ((Kind.OWN_BUNDLE, "ca.crt"), (Kind.CRL, "crl.pem")):
            (self.folder / name).write_bytes(encode_bundle(kind, bundle).data)


@pytest.mark.parametrize("program", [with_nginx, with_haproxy, with_apache])
def test_each_program_takes_the_lists_of_two_roots_from_one_file(
    program: Callable[[Path], Program],
) -> None:
    with open_folder() as folder:
        lists = Lists(folder)
        server = program(folder)
        with server.running():
            assert lists.visitors.visit(server.port, lists.good) == 200
            assert lists.visitors.visit(server.port, lists.revoked) in {400, REFUSED_BY_TLS}


def test_postgresql_takes_them_too() -> None:
    with open_folder() as folder:
        files = folder / "files"
        lists = Lists(files)
        hba = "hostssl all all 127.0.0.1/32 trust clientcert=verify-ca"
        server = Postgresql(folder / "server", files, hba)
        with (server.data / "postgresql.conf").open("a") as config:
            config.write(f"ssl_crl_file = '{files}/crl.pem'\n")
        for name in ("tls.crt", "tls.key", "ca.crt", "crl.pem"):
            shutil.chown(files / name, user())
        (files / "tls.key").chmod(0o600)

        def ask(svid: X509Svid) -> str:
            (folder / "client.crt").write_bytes(svid.chain_pem)
            (folder / "client.key").write_bytes(svid.key_pem)
            (folder / "client.key").chmod(0o600)
            done = server.psql(
                f"host=127.0.0.1 port={server.port} user=admin dbname=postgres sslmode=require"
                f" sslcert={folder}/client.crt sslkey={folder}/client.key"
            )
            return done.stdout + done.stderr

        with server.running():
            assert ask(lists.good) == "admin\n"
            assert "certificate revoked" in ask(lists.revoked)


def _config(nginx: Nginx) -> str:
    """Lists in files are there from the start: programs do not start without."""
    return f"""\
trust_domain: prod.example
authority: {{embedded: {{always_crl: true}}}}
entries:
  - {{id: /web, selectors: ["output:nginx"]}}
  - {{id: /client, selectors: ["output:client"]}}
outputs:
  - name: nginx
    folder: {nginx.files}
    files:
      - {{kind: certificate, name: tls.crt}}
      - {{kind: key, name: tls.key}}
      - {{kind: own-bundle, name: ca.crt}}
      - {{kind: crl, name: crl.pem}}
    reload: {{signal: HUP, pid_file: "{nginx.pid_file}", program: nginx}}
  - profile: pem
    name: client
    folder: {nginx.folder}/client
"""


def test_a_real_agent_brings_its_lists_to_a_real_nginx(tmp_path: Path) -> None:
    files, client = tmp_path / "files", tmp_path / "client"
    lines = f"ssl_client_certificate {files}/ca.crt; ssl_verify_client on; ssl_crl {files}/crl.pem;"
    nginx = Nginx(tmp_path, files, lines)
    agent = AgentProcess(tmp_path, _config(nginx))

    def status() -> int:
        """Visit as the client that had this certificate at first, trusting nobody's server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(stolen / "tls.crt", stolen / "tls.key")
        visit = http.client.HTTPSConnection("127.0.0.1", nginx.port, context=context, timeout=20)
        try:
            visit.request("GET", "/", headers={"connection": "close"})
            answer = visit.getresponse()
            answer.read()
        finally:
            visit.close()
        return answer.status

    with agent.running():
        wait_until((files / "crl.pem").exists, 60, "files for nginx")
        wait_until((client / "tls.key").exists, 60, "files for the client")
        stolen = tmp_path / "stolen"
        shutil.copytree(client / "current", stolen)
        with nginx.running():
            assert status() == 200
            admin = ("--admin-socket", agent.admin_socket)
            agent.command("revoke", "svid", "--file", stolen / "tls.crt", *admin)
            print(f"refused after {wait_until(lambda: status() == 400, 60, 'refused'):.2f} s")
            revoked = (stolen / "tls.crt").read_bytes()
            wait_until(lambda: (client / "tls.crt").read_bytes() != revoked, 60, "another SVID")
            shutil.rmtree(stolen)
            shutil.copytree(client / "current", stolen)
            assert status() == 200
