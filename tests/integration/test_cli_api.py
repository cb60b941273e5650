"""``accredit api`` as a process against a real agent."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support import client_command, needs
from support.agent_process import AgentProcess
from support.client_command import Done

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /web
    selectors: ["unix:uid:{os.geteuid()}"]
    hint: internal
    ttl: 4s
  - id: /api
    selectors: ["unix:uid:{os.geteuid()}"]
"""
_NOBODY = """\
trust_domain: prod.example
entries: []
"""
_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG).running() as running:
        yield running


def api(agent: AgentProcess, *arguments: str | Path, stdin: str = "") -> Done:
    return client_command.run(agent.socket, "api", *arguments, stdin=stdin)


def as_json(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_svids_are_shown_without_their_keys(agent: AgentProcess) -> None:
    done = api(agent, "fetch", "x509")
    assert done.returncode == 0
    head, web, own, *_ = done.stdout.splitlines()
    assert head.split() == ["SPIFFE", "ID", "HINT", "SERIAL", "ENDS"]
    assert web.split()[:2] == [_WEB, "internal"]
    assert own.split()[0] == _API
    data = as_json(api(agent, "fetch", "x509", "--output=json"))
    assert [each["spiffe_id"] for each in data["svids"]] == [_WEB, _API]
    assert "PRIVATE KEY" not in done.stdout + json.dumps(data)


def test_keys_are_shown_to_who_asks_for_them(agent: AgentProcess) -> None:
    (web, _) = as_json(api(agent, "fetch", "x509", "--output=json", "--show-keys"))["svids"]
    key = serialization.load_pem_private_key(web["x509_svid_key"].encode(), password=None)
    leaf = x509.load_pem_x509_certificate(web["x509_svid"].encode())
    assert key.public_key() == leaf.public_key()
    refused = api(agent, "fetch", "x509", "--show-keys")
    assert refused.returncode == 2
    assert "--show-keys needs --output json" in refused.stderr


def test_files_are_written_for_this_user_alone(agent: AgentProcess, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = api(agent, "fetch", "x509", "--write", folder)
    assert done.returncode == 0, done.stderr
    assert api(agent, "fetch", "jwt", "--audience=db", "--write", folder).returncode == 0
    assert api(agent, "fetch", "bundles", "--write", folder).returncode == 0
    secret = {path.name for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) == 0o600}
    assert secret == {"svid.0.key", "svid.1.key", "jwt.0.token", "jwt.1.token"}
    assert {path.name for path in folder.iterdir()} - secret == {
        "svid.0.pem",
        "svid.1.pem",
        "bundle.prod.example.pem",
        "bundle.prod.example.jwks",
    }
    assert "PRIVATE KEY" not in done.stdout
    # Not the one that lives for four seconds.
    chain, trusted = folder / "svid.1.pem", folder / "bundle.prod.example.pem"
    openssl = needs.program("openssl", apt="openssl")
    verified = subprocess.run(
        [openssl, "verify", "-CAfile", trusted, chain], check=False, capture_output=True
    )
    assert verified.returncode == 0, verified


def test_a_folder_that_cannot_be_written_is_told(agent: AgentProcess, tmp_path: Path) -> None:
    done = api(agent, "fetch", "x509", "--write", tmp_path / "no" / "such")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr


def test_a_token_is_fetched_and_validated(agent: AgentProcess) -> None:
    asked = ("--audience=db", "--audience=cache", f"--spiffe-id={_API}", "--output=json")
    (token,) = as_json(api(agent, "fetch", "jwt", *asked))["svids"]
    assert token["spiffe_id"] == _API
    checked = ("validate-jwt", "--audience=db", "--output=json")
    claims = as_json(api(agent, *checked, stdin=token["svid"] + "\n"))
    assert claims["spiffe_id"] == _API
    assert set(claims["claims"]["aud"]) == {"db", "cache"}
    people = api(agent, "validate-jwt", "--audience=db", stdin=token["svid"])
    assert f"SPIFFE ID  {_API}" in people.stdout
    refused = api(agent, "validate-jwt", "--audience=other", stdin=token["svid"])
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "aud does not name this audience" in refused.stderr
    assert token["svid"] not in refused.stderr


def test_bundles_of_both_profiles_are_shown(agent: AgentProcess) -> None:
    data = as_json(api(agent, "fetch", "bundles", "--output=json"))
    assert set(data["x509"]["bundles"]) == set(data["jwt"]["bundles"]) == {"spiffe://prod.example"}
    text = api(agent, "fetch", "bundles").stdout
    assert "X.509 AUTHORITY" in text
    assert "JWT KEY" in text


@pytest.mark.rows("WC-06")
def test_watching_shows_each_rotation_and_ends_as_told(agent: AgentProcess) -> None:
    done = api(agent, "watch", "--updates=3", "--output=json")
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    serials = [[svid["serial"] for svid in each["state"]["svids"]] for each in states]
    assert len({web for web, _ in serials}) == 3
    assert len({own for _, own in serials}) == 1
    assert "x509_svid_key" not in done.stdout


@pytest.mark.parametrize("what", ["x509-bundles", "jwt-bundles"])
def test_bundles_can_be_watched_too(agent: AgentProcess, what: str) -> None:
    assert "spiffe://prod.example" in api(agent, "watch", what, "--updates=1").stdout


def test_interrupting_a_watcher_is_no_failure(agent: AgentProcess) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "accredit", "api", "watch", f"--socket=unix://{agent.socket}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0
        assert watcher.stderr.read() == b""


@pytest.mark.rows("WC-07", "WE-23")
def test_a_watcher_outlives_the_agent_and_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _CONFIG.replace("ttl: 4s", "ttl: 1h"))
    command = [sys.executable, "-m", "accredit", "api", "watch", f"--socket=unix://{agent.socket}"]
    with (
        agent.running(),
        subprocess.Popen(
            [*command, "--output=json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as watcher,
    ):
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        first = json.loads(watcher.stdout.readline())
        agent.kill()
        broken = json.loads(watcher.stdout.readline())
        assert broken["state"] == first["state"]
        assert "UNAVAILABLE" in broken["problem"]
        agent.start()
        while json.loads(watcher.stdout.readline())["problem"]:
            pass
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0
        assert watcher.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--socket", "/run/api.sock"), "is neither unix nor tcp"),
        (("--socket", "unix://host/a"), "is not unix: and an absolute path alone"),
        (("--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_use_is_2(agent: AgentProcess, arguments: tuple[str, ...], reason: str) -> None:
    done = api(agent, "fetch", "x509", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr


def test_an_id_that_is_none_is_wrong_use(agent: AgentProcess) -> None:
    done = api(agent, "fetch", "jwt", "--audience=db", "--spiffe-id=web")
    assert done.returncode == 2
    assert "is not a SPIFFE ID" in done.stderr
    assert api(agent, "fetch", "jwt").returncode == 2


@pytest.mark.parametrize("command", [("fetch", "jwt", "--audience=db"), ("validate-jwt",)])
def test_an_empty_audience_is_wrong_use(agent: AgentProcess, command: tuple[str, ...]) -> None:
    done = api(agent, *command, "--audience=")
    assert done.returncode == 2
    assert "'--audience': is empty" in done.stderr


@pytest.mark.rows("WE-11")
def test_without_an_address_there_is_nothing_to_ask() -> None:
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("SPIFFE_")}
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "api", "fetch", "x509"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 2
    assert "SPIFFE_ENDPOINT_SOCKET: is not set" in done.stderr


def test_refusals_are_1_and_one_line(tmp_path: Path) -> None:
    with AgentProcess(tmp_path, _NOBODY).running() as agent:
        done = api(agent, "fetch", "x509")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("no registration entry matches the caller\n")
        assert done.stderr.count("\n") == 1
    gone = api(agent, "fetch", "bundles")
    assert gone.returncode == 1
    assert "UNAVAILABLE" in gone.stderr


def test_a_profile_that_is_off_costs_its_own_part_only(tmp_path: Path) -> None:
    config = _CONFIG + "workload_api: {jwt_profile: false}\n"
    with AgentProcess(tmp_path, config).running() as agent:
        done = api(agent, "fetch", "bundles", "--output=json")
        assert as_json(done)["jwt"] is None
        assert "UNIMPLEMENTED" in done.stderr
