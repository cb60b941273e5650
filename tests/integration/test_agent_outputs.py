"""Outputs of a real agent: files that are written, follow what changes, and outlive it."""

from __future__ import annotations

import json
import os
import signal
import stat
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from support.agent_process import AgentProcess
from support.ca import TestCa
from support.eventually import wait_until

from accredit.identity.bundle import encode_bundle, parse_bundle
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import verify_x509_svid

T = TypeVar("T")
_OWN = TrustDomain("prod.example")
_WEB = """\
  - id: /web
    selectors: ["output:web"]
"""


def config(folder: Path, entries: str, outputs: str = "", more: str = "") -> str:
    web = f"  - {{name: web, profile: pem, folder: {folder}/web}}\n"
    return f"trust_domain: prod.example\n{more}entries:\n{entries}outputs:\n{web}{outputs}"


def until(holds: Callable[[], bool], agent: AgentProcess) -> None:
    wait_until(holds, tell=lambda: agent.log.read_text()[-4000:])


def several(look: Callable[[], T], agent: AgentProcess) -> set[T]:
    """Return three values that it showed one after the other."""
    seen: set[T] = set()

    def enough() -> bool:
        seen.add(look())
        return len(seen) > 2

    until(enough, agent)
    return seen


def leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((folder / "tls.crt").read_bytes())[0]


def another_than(before: x509.Certificate, folder: Path) -> Callable[[], bool]:
    return lambda: leaf(folder) != before


def named(folder: Path) -> SpiffeId:
    """Return whom the files name, checked as a peer would."""
    chain = x509.load_pem_x509_certificates((folder / "tls.crt").read_bytes())
    roots = x509.load_pem_x509_certificates((folder / "ca.crt").read_bytes())
    bundles = {_OWN: TrustBundle(_OWN, tuple(roots))}
    return verify_x509_svid(chain, bundles, chain[0].not_valid_before_utc)


def status(agent: AgentProcess, name: str = "web") -> dict[str, Any]:
    found = json.loads(
        agent.command("status", f"--admin-socket={agent.admin_socket}", "--output=json")
    )
    [line] = [line for line in found["outputs"] if line["name"] == name]
    return dict(line)


def names(agent: AgentProcess) -> list[str]:
    found = json.loads(
        agent.command("status", f"--admin-socket={agent.admin_socket}", "--output=json")
    )
    return [line["name"] for line in found["outputs"]]


def issued(token: str) -> datetime:
    """Return when a token was issued, by its own word."""
    claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return datetime.fromtimestamp(claims["iat"], UTC)


def served(agent: AgentProcess, name: str = "web") -> Callable[[], bool]:
    return lambda: bool(status(agent, name)["state"] == "served")


def test_an_output_has_the_identity_of_its_entry_and_no_caller_has(tmp_path: Path) -> None:
    mine = f"  - id: /me\n    selectors: ['unix:uid:{os.geteuid()}']\n"
    agent = AgentProcess(tmp_path, config(tmp_path, _WEB + mine))
    with agent.running():
        # READY=1 has been said, so the first files are there.
        assert str(named(tmp_path / "web")) == "spiffe://prod.example/web"
        until(served(agent), agent)
        key = tmp_path / "web/tls.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        address = f"--socket=unix://{agent.socket}"
        found = json.loads(agent.command("api", "fetch", "x509", "--output=json", address))
        assert [svid["spiffe_id"] for svid in found["svids"]] == ["spiffe://prod.example/me"]
        text = agent.command("status", "-c", agent.config)
        [row] = [line for line in text.splitlines() if line.startswith("web ")]
        assert row.split()[:3] == ["web", "served", status(agent)["serial"]]
        assert "PRIVATE KEY" not in agent.log.read_text() + text
        assert agent.stop() == 0
    assert str(named(tmp_path / "web")) == "spiffe://prod.example/web"
    assert key.exists()


def test_files_are_renewed_while_entries_and_bundles_change(tmp_path: Path) -> None:
    partner = TestCa("partner.example")
    federated = tmp_path / "partner.json"
    federated.write_bytes(encode_bundle(partner.bundle()))
    federated.chmod(0o600)
    bundles = f"authority: {{embedded: {{federated_bundles: {{partner.example: {federated}}}}}}}\n"
    short = _WEB + "    ttl: 10s\n"
    agent = AgentProcess(tmp_path, config(tmp_path, short, more=bundles))
    folder = tmp_path / "web"
    with agent.running():
        until(served(agent), agent)
        several(lambda: leaf(folder).serial_number, agent)
        text = agent.config.read_text()
        agent.config.write_text(
            text.replace("id: /web", "id: /shop").replace(
                "    ttl: 10s\n", "    federates_with: [partner.example]\n"
            )
        )
        until(lambda: named(folder).path == "/shop", agent)
        foreign = folder / "ca-partner.example.crt"
        until(foreign.exists, agent)
        assert x509.load_pem_x509_certificates(foreign.read_bytes()) == [partner.root]
        agent.config.write_text(text.replace("output:web", "unix:uid:4711"))
        until(lambda: "no entry is for this output" in status(agent)["lacking"], agent)
        assert named(folder).path == "/shop"
        agent.config.write_text(text)
        until(lambda: named(folder).path == "/web", agent)
        until(lambda: status(agent)["lacking"] == "", agent)
        until(lambda: not foreign.exists(), agent)


def test_outputs_come_change_and_go_with_the_configuration_and_no_restart(tmp_path: Path) -> None:
    entries = _WEB + "".join(
        f"  - {{id: /{name}, selectors: ['output:{name}']}}\n" for name in ("other", "new")
    )
    other = f"  - {{name: other, profile: pem, folder: {tmp_path}/other}}\n"
    agent = AgentProcess(tmp_path, config(tmp_path, entries, other))
    with agent.running():
        until(served(agent), agent)
        text, web = agent.config.read_text(), leaf(tmp_path / "web")
        agent.config.write_text(text.replace("name: other,", "name: new,"))
        until(lambda: "other" not in names(agent), agent)
        until(served(agent, "new"), agent)
        assert named(tmp_path / "other").path == "/new"
        bad = text.replace("profile: pem", "profile: nonsense")
        agent.config.write_text(bad)
        until(lambda: "configuration not reloaded" in agent.log.read_text(), agent)
        agent.send(signal.SIGHUP)
        assert names(agent) == ["web", "new"]
        told = agent.command("status", "-c", agent.config)
        assert "\nconfiguration not reloaded; what is at work stays: " in told
        line = f"  - {{name: other, profile: envoy-file, folder: {tmp_path}/moved}}\n"
        agent.config.write_text(text.replace(other, line))
        until((tmp_path / "moved/tls.json").exists, agent)
        assert "PROBLEMS" not in agent.command("status", "-c", agent.config)
        assert leaf(tmp_path / "web") == web
        assert (status(agent)["deployments"], named(tmp_path / "other").path) == (1, "/new")
        agent.config.write_text(text.partition("outputs:")[0])
        until(lambda: names(agent) == [], agent)
        assert named(tmp_path / "web").path == "/web"
        assert agent.stop() == 0


def test_a_token_in_a_file_stays_fresh(tmp_path: Path) -> None:
    files = "[{kind: jwt, name: api.jwt, audience: api}, {kind: bundle-json, name: b.json}]"
    outputs = f"  - {{name: token, folder: {tmp_path}/token, files: {files}}}\n"
    entries = _WEB + "  - {id: /t, selectors: ['output:token'], jwt_ttl: 8s}\n"
    agent = AgentProcess(tmp_path, config(tmp_path, entries, outputs))
    file = tmp_path / "token/api.jwt"
    with agent.running():
        until(served(agent, "token"), agent)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        tokens = several(file.read_text, agent)
        current = (tmp_path / "token/current").resolve()
        bundle = parse_bundle(_OWN, (current / "b.json").read_bytes()).bundle
        newest = (current / "api.jwt").read_text()
        told = agent.command("status", f"--admin-socket={agent.admin_socket}", "--output=json")
        assert not any(token in told for token in tokens)
    assert not any(token in agent.log.read_text() for token in tokens)
    valid = validate_jwt_svid(newest, ["api"], {_OWN: bundle}, issued(newest))
    assert valid.spiffe_id.path == "/t"


def test_an_output_that_fails_is_told_and_holds_up_neither_agent_nor_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "loop").symlink_to("loop")
    outputs = (
        f"  - {{name: loop, profile: pem, folder: {tmp_path}/loop/a}}\n"
        f"  - {{name: no-folder, profile: pem, folder: {tmp_path}/file}}\n"
        f"  - {{name: no-program, profile: pem, folder: {tmp_path}/f, reload: [/no/program]}}\n"
        f"  - {{name: no-entry, profile: pem, folder: {tmp_path}/g}}\n"
    )
    entries = _WEB + "".join(
        f"  - {{id: /{name}, selectors: ['output:{name}']}}\n"
        for name in ("loop", "no-folder", "no-program")
    )
    agent = AgentProcess(tmp_path, config(tmp_path, entries, outputs))
    with agent.running():
        until(served(agent), agent)
        until(lambda: status(agent, "loop")["state"] == "failing", agent)
        until(lambda: status(agent, "no-folder")["state"] == "failing", agent)
        until(lambda: status(agent, "no-program")["state"] == "failing", agent)
        until(lambda: bool(status(agent, "no-entry")["lacking"]), agent)
        assert status(agent, "no-folder")["last_error_step"] == "write"
        assert "'/no/program' cannot be run" in status(agent, "no-program")["last_error"]
        assert named(tmp_path / "f").path == "/no-program"
        (tmp_path / "file").unlink()
        until(served(agent, "no-folder"), agent)
        assert str(named(tmp_path / "file").path) == "/no-folder"
        assert agent.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_files_outlive_the_agent_and_its_successor_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    agent = AgentProcess(tmp_path, config(tmp_path, _WEB + "    ttl: 10s\n"))
    folder = tmp_path / "web"
    with agent.running():
        until(served(agent), agent)
        for _ in range(3):
            before = leaf(folder)
            if number is signal.SIGKILL:
                agent.kill()
            else:
                agent.stop()
            assert named(folder).path == "/web"
            agent.start()
            until(another_than(before, folder), agent)
            until(served(agent), agent)
            assert named(folder).path == "/web"
