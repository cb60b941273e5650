"""Every command as a process: what it prints, where, and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cryptography import x509
from support.agent_process import AgentProcess

from accredit import __version__
from accredit.agent.cli import main
from accredit.identity.bundle import parse_bundle
from accredit.identity.spiffe_id import TrustDomain

_UID = os.geteuid()
_CONFIG = f"""\
trust_domain: prod.example
authority: {{embedded: {{publish_for: 1s}}}}
entries:
  - id: /me
    selectors: ["unix:uid:{_UID}"]
    hint: internal
    ttl: 20s
  - id: /other
    selectors: ["unix:uid:{_UID + 1}"]
    ttl: 20s
    default: true
"""


def accredit(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accredit", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/state"}
        | environment,
    )


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG).running() as running:
        running.command("api", "fetch", "x509", f"--socket=unix://{running.socket}")
        yield running


def test_the_version_is_told() -> None:
    done = accredit("--version")
    assert (done.returncode, done.stdout) == (0, f"accredit, version {__version__}\n")


def test_help_names_every_command() -> None:
    done = accredit("-h")
    assert done.returncode == 0
    names = [
        line.split()[0]
        for line in done.stdout.partition("Commands:\n")[2].splitlines()
        if line[2] != " "
    ]
    assert names == [
        "run",
        "check",
        "demo",
        "status",
        "entry",
        "bundle",
        "ca",
        "tpm",
        "revoke",
        "api",
        "sds",
        "envoy",
        "file",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        ("nonsense",),
        ("run", "--colour"),
        ("entry",),
        ("entry", "show"),
        ("bundle", "show", "--format", "der"),
        ("ca", "rotate", "--output", "xml"),
    ],
)
def test_wrong_use_is_2(wrong: tuple[str, ...]) -> None:
    done = accredit(*wrong)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("entry", "list"),
        ("entry", "show", "/a"),
        ("bundle", "show"),
        ("ca", "show"),
        ("ca", "rotate"),
    ],
)
def test_without_an_agent_it_is_1_and_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = accredit(*command, "--admin-socket", tmp_path / "admin.sock")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path}/admin.sock: no agent is running here\n"


def test_check_tells_what_it_read(agent: AgentProcess) -> None:
    done = accredit("check", "-c", agent.config)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{agent.config}: prod.example, entries: 2\n"


def test_check_warns_of_what_is_probably_not_meant(tmp_path: Path) -> None:
    agent = AgentProcess(
        tmp_path, _CONFIG + _CONFIG.partition("entries:\n")[2].replace("/me", "/b")
    )
    agent.config.write_text(agent.config.read_text().rpartition("  - id: /other")[0])
    done = accredit("check", "-c", agent.config)
    assert done.returncode == 0
    assert done.stderr.startswith("warning: ")
    assert "hint 'internal' is also that of" in done.stderr


def test_check_tells_every_mistake(tmp_path: Path) -> None:
    path = tmp_path / "accredit.yaml"
    path.write_text("trust_domain: a\nttl: 1\nentries:\n  - id: b\n")
    path.chmod(0o600)
    done = accredit("check", ACCREDIT_CONFIG=str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert [
        line.partition(": ")[0] for line in done.stderr.removeprefix("Error: ").splitlines()
    ] == [
        f"{path}:2",
        f"{path}:4",
        f"{path}:4",
    ]


def test_entries_are_listed_for_people(agent: AgentProcess) -> None:
    lines = agent.command("entry", "list", "-c", agent.config).splitlines()
    headings = "SPIFFE ID SELECTORS WEAKEST TRUST TTL HINT DEFAULT REVOKED FROM"
    assert lines[0].split() == headings.split()
    me = ["spiffe://prod.example/me", f"unix:uid:{_UID}", "kernel", "20s", "internal"]
    assert lines[1].split() == [*me, f"{agent.config}:7"]
    assert lines[2].split()[4] == "yes"


def test_and_for_programs(agent: AgentProcess) -> None:
    found = json.loads(agent.command("entry", "list", "-c", agent.config, "--output=json"))
    assert [entry["id"] for entry in found] == [
        "spiffe://prod.example/me",
        "spiffe://prod.example/other",
    ]


@pytest.mark.parametrize("name", ["/me", "spiffe://prod.example/me"])
def test_an_entry_is_shown(agent: AgentProcess, name: str) -> None:
    text = agent.command("entry", "show", name, "-c", agent.config)
    assert f"selectors  unix:uid:{_UID}" in text
    shown = json.loads(agent.command("entry", "show", name, "-c", agent.config, "--output=json"))
    assert [entry["hint"] for entry in shown] == ["internal"]


def test_an_entry_that_is_not_there_is_1(agent: AgentProcess) -> None:
    done = accredit("entry", "show", "/nobody", "-c", agent.config)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: no entry has '/nobody' as its id, SPIFFE ID or path\n"


def test_the_bundle_is_shown_in_both_formats(agent: AgentProcess) -> None:
    document = agent.command("bundle", "show", "-c", agent.config)
    bundle = parse_bundle(TrustDomain("prod.example"), document.encode()).bundle
    pem = agent.command("bundle", "show", "prod.example", "--format=pem", "-c", agent.config)
    assert tuple(x509.load_pem_x509_certificates(pem.encode())) == bundle.x509_authorities


def test_a_bundle_that_is_not_there_is_1(agent: AgentProcess) -> None:
    done = accredit("bundle", "show", "other.example", "-c", agent.config)
    assert done.returncode == 1
    assert done.stderr == "Error: no bundle of trust domain other.example is here\n"


def test_status_is_told_for_people_and_programs(agent: AgentProcess) -> None:
    text = agent.command("status", "-c", agent.config)
    assert "trust domain  prod.example" in text
    assert "spiffe://prod.example/me" in text
    status = json.loads(agent.command("status", "-c", agent.config, "--output=json"))
    [svid] = status["rotation"]["entries"]
    assert svid["spiffe_id"] == "spiffe://prod.example/me"


def test_a_running_agent_is_found_through_its_configuration(agent: AgentProcess) -> None:
    done = accredit("status", ACCREDIT_CONFIG=str(agent.config))
    assert done.returncode == 0
    done = accredit("status", "--admin-socket", agent.admin_socket, ACCREDIT_CONFIG="/nowhere")
    assert done.returncode == 0


def test_without_anything_to_find_it_by_the_agent_is_looked_for_at_its_default_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACCREDIT_CONFIG", raising=False)
    done = accredit("status", XDG_RUNTIME_DIR="")
    if _UID == 0:
        assert "/run/accredit/private/admin.sock" in done.stderr
    else:
        assert done.returncode == 2
        assert "--admin-socket has no default here: XDG_RUNTIME_DIR is not set" in done.stderr


@pytest.mark.parametrize("command", [["run"], ["check"], ["tpm", "show"]])
def test_without_any_configuration_it_is_told_where_one_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACCREDIT_CONFIG", raising=False)
    done = accredit(*command)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: there is neither ./accredit.yaml nor /etc/accredit/accredit.yaml:"
        " name a configuration by -c, or write one\n"
    )


def test_a_configuration_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    done = accredit("status", ACCREDIT_CONFIG=str(tmp_path / "gone.yaml"))
    assert done.returncode == 1
    assert "gone.yaml: cannot be read: no such file or directory" in done.stderr


def test_mistakes_in_a_configuration_keep_nobody_from_the_running_agent(
    agent: AgentProcess,
) -> None:
    broken = agent.config.with_name("broken.yaml")
    broken.write_text(
        agent.config.read_text().replace("selectors", "selectrs") + "ttl: 1\nttl: 2\n"
    )
    broken.chmod(0o600)
    assert "spiffe://prod.example/me" in agent.command("entry", "list", "-c", broken)
    broken.write_text("admin_socket: tcp://[::1]:1\n")
    done = accredit("status", "-c", broken)
    assert done.returncode == 1
    assert "broken.yaml:1: admin_socket: a TCP caller cannot be identified" in done.stderr


def test_the_root_is_rotated_and_waited_for(agent: AgentProcess) -> None:
    before = json.loads(agent.command("ca", "show", "-c", agent.config, "--output=json"))
    agent.command("ca", "rotate", "--wait", "-c", agent.config)
    after = json.loads(agent.command("ca", "show", "-c", agent.config, "--output=json"))
    states = {root["kid"]: root["state"] for root in after["roots"]}
    assert states.pop(before["roots"][0]["kid"]) == "old"
    assert list(states.values()) == ["active"]
    assert "active" in agent.command("ca", "show", "-c", agent.config)


def test_a_second_rotation_while_one_is_under_way_is_1(agent: AgentProcess) -> None:
    first = accredit("ca", "rotate", "-c", agent.config)
    assert first.returncode == 0
    second = accredit("ca", "rotate", "-c", agent.config)
    assert second.returncode == 1
    assert second.stderr.startswith("Error: ")


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_the_manual_names_every_command_and_option() -> None:
    manual = (Path(__file__).parents[2] / "docs/cli.md").read_text()
    for path, command in _commands(main, "accredit"):
        assert f"`{path}" in manual, path
        for option in command.params:
            assert any(name in manual for name in option.opts) or option.name == "help", option
