"""The bundle endpoint of a real agent under ``https_web``: a certificate from files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.endpoint_visitors import curl, leaf
from support.eventually import wait_until
from support.ports import free_port

_NAMED = "subjectAltName=DNS:bundles.prod.example,IP:127.0.0.1"
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def openssl_makes(folder: Path, names: str = _NAMED, *key: str) -> None:
    """Put a self-signed certificate and its key into ``folder``."""
    subprocess.run(
        [
            needs.program("openssl", apt="openssl"),
            *("req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=endpoint"),
            *(key or _EC),
            *("-addext", names, "-keyout", folder / "new.key", "-out", folder / "new.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "new.key").chmod(0o600)
    for name in ("key", "pem"):
        (folder / f"new.{name}").rename(folder / f"web.{name}")


def agent_in(folder: Path, port: int, more: str = "") -> AgentProcess:
    return AgentProcess(
        folder,
        f"""\
trust_domain: prod.example
federation:
  endpoint:
    listen: 127.0.0.1:{port}
    profile: https_web
    url: https://bundles.prod.example:{port}/
    certificate: web.pem
    key: web.key
{more}""",
    )


def checked(folder: Path, more: str = "") -> str:
    """Return what ``accredit check`` says, on whichever stream."""
    agent = agent_in(folder, 9, more)
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "check", "-c", agent.config],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.rows("FS-10", "FS-03", "FS-05")
def test_a_client_of_the_web_verifies_name_and_root_and_gets_the_bundle(tmp_path: Path) -> None:
    port = free_port()
    openssl_makes(tmp_path)
    with agent_in(tmp_path, port).running() as agent:
        root = tmp_path / "trusted.pem"
        shutil.copy(tmp_path / "web.pem", root)
        named = f"https://bundles.prod.example:{port}/"
        answer = curl(
            named, "--cacert", root, "--resolve", f"bundles.prod.example:{port}:127.0.0.1"
        )
        assert answer.status == 200
        assert answer.body.decode() == agent.command("bundle", "show", "-c", agent.config).strip()


@pytest.mark.rows("FS-09")
def test_new_files_serve_the_next_handshake_and_bad_ones_change_nothing(tmp_path: Path) -> None:
    port = free_port()
    openssl_makes(tmp_path)
    with agent_in(tmp_path, port).running() as agent:
        assert "nobody trusts a self-signed certificate" in agent.log.read_text()
        first = leaf(port).serial_number
        openssl_makes(tmp_path)
        wait_until(lambda: leaf(port).serial_number != first)
        second = leaf(port).serial_number
        (tmp_path / "web.key").write_text("no key")
        wait_until(lambda: "is not the key of" in agent.log.read_text())
        assert leaf(port).serial_number == second
        assert "no key" not in agent.log.read_text()
        openssl_makes(tmp_path)
        wait_until(lambda: leaf(port).serial_number != second)


@pytest.mark.rows("FS-12", "FS-15")
def test_visitors_are_sent_elsewhere_for_a_while(tmp_path: Path) -> None:
    port = free_port()
    openssl_makes(tmp_path)
    more = "    redirect: https://new.prod.example/bundle.json\n"
    with agent_in(tmp_path, port, more).running():
        answer = curl(f"https://127.0.0.1:{port}/")
        assert answer.status == 307
        assert answer.headers["location"] == "https://new.prod.example/bundle.json"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.rows("FS-10")
def test_a_certificate_for_another_host_is_told_before_anything_runs(tmp_path: Path) -> None:
    openssl_makes(tmp_path, "subjectAltName=DNS:other.example")
    assert "web.pem: does not name bundles.prod.example, the host of url" in checked(tmp_path)


@pytest.mark.rows("FS-02")
def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    openssl_makes(tmp_path, _NAMED, "-newkey", "rsa:1024")
    assert "web.pem: has an RSA key of 1024 bits; expected 2048 at least" in checked(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    openssl_makes(tmp_path)
    (tmp_path / "web.key").chmod(0o644)
    assert f"web.key: is open to others; run: chmod 600 {tmp_path}/web.key" in checked(tmp_path)


def test_a_bad_pair_at_the_start_ends_the_agent_with_the_reason(tmp_path: Path) -> None:
    openssl_makes(tmp_path)
    (tmp_path / "web.pem").unlink()
    agent = agent_in(tmp_path, free_port())
    with pytest.raises(AssertionError, match=r"web\.pem: cannot be read"):
        agent.start()
