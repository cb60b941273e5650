"""``accredit sds`` as a process against a real agent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import AgentProcess

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /web
    selectors: ["unix:uid:{os.geteuid()}"]
    ttl: 4s
"""
_WEB, _OTHER = "spiffe://prod.example/web", "spiffe://prod.example/other"
_NAMES = ("default", _WEB, "ROOTCA", "ALL")
_ACCREDIT = (sys.executable, "-m", "accredit")
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG).running() as running:
        yield running


def sds(agent: AgentProcess, *arguments: str) -> Done:
    done = subprocess.run(
        [*_ACCREDIT, "sds", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix://{agent.socket}"},
    )
    # What it never does, whatever it is asked.
    assert "PRIVATE" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def columns(done: Done) -> dict[str, list[str]]:
    """Return the cells of each line by its first."""
    lines = [
        [cell.strip() for cell in line.split("  ") if cell] for line in done.stdout.splitlines()
    ]
    return {first: rest for first, *rest in lines}


@pytest.mark.parametrize("delta", [(), ("--delta",)])
def test_people_see_what_they_would_get(agent: AgentProcess, delta: tuple[str, ...]) -> None:
    done = sds(agent, "fetch", *delta, *_NAMES)
    assert (done.returncode, done.stderr) == (0, "")
    found = columns(done)
    assert set(found) == {"SECRET", *_NAMES}
    for name in ("default", _WEB):
        kind, _, holds, serial, ends = found[name]
        assert (kind, holds) == ("TLS certificate", _WEB)
        assert int(serial, 16)
        assert ends.endswith("Z")
    for name in ("ROOTCA", "ALL"):
        kind, _, holds, *_ = found[name]
        assert (kind, holds) == ("validation context", "prod.example: 1 CA")


@pytest.mark.parametrize("delta", [(), ("--delta",)])
def test_what_does_not_come_is_listed_and_costs_the_others_nothing(
    agent: AgentProcess, delta: tuple[str, ...]
) -> None:
    done = sds(agent, "fetch", *delta, "--timeout=3", "default", _OTHER)
    assert done.returncode == 1
    assert columns(done)["default"][0] == "TLS certificate"
    assert columns(done)[_OTHER] == ["not granted (yet)"]
    assert done.stderr == f"Error: not sent within 3 s: {_OTHER}\n"


def test_programs_are_told_what_is_missing(agent: AgentProcess) -> None:
    done = sds(agent, "fetch", "--timeout=3", "--output=json", "ROOTCA", _OTHER, _OTHER)
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert [each["name"] for each in data["secrets"]] == ["ROOTCA"]
    assert (data["missing"], data["removed"]) == ([_OTHER], [])


def test_what_can_never_come_is_listed_too(agent: AgentProcess) -> None:
    done = sds(agent, "fetch", "--delta", "default", "file-root:system")
    assert done.returncode == 1
    assert columns(done)["file-root:system"] == ["no such secret here"]


def test_each_message_is_accepted(agent: AgentProcess) -> None:
    command = [
        *_ACCREDIT,
        "sds",
        "watch",
        f"--socket=unix://{agent.socket}",
        "--node-id=w",
        "ROOTCA",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watcher:
        try:
            assert watcher.stdout is not None
            watcher.stdout.readline()
            assert _accepted(agent)
        finally:
            watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0


def _accepted(agent: AgentProcess) -> bool:
    """Ask until the watcher's answer has come to the agent."""
    for _ in range(20):
        status = json.loads(agent.command("status", "--output=json", "-c", agent.config))["sds"]
        lines: list[dict[str, Any]] = [
            line
            for each in status["connections"]
            if each["node"] == "w"
            for line in each["secrets"]
        ]
        if [line["state"] for line in lines] == ["accepted"]:
            return True
    return False


@pytest.mark.parametrize("delta", [(), ("--delta",)])
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_watch_sees_a_rotation_and_interrupting_it_is_no_failure(
    agent: AgentProcess, output: str, delta: tuple[str, ...]
) -> None:
    command = [*_ACCREDIT, "sds", "watch", f"--socket=unix://{agent.socket}", *delta]
    with subprocess.Popen(
        [*command, "--output", output, "default"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        lines = [watcher.stdout.readline() for _ in range(4 if output == "text" else 2)]
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0
        assert watcher.stderr.read() == ""
    if output == "text":
        serials = {line.split()[5] for line in lines[1::2]}
        assert lines[0].split()[-1] == lines[2].split()[-1] == "CAME"
    else:
        updates = [json.loads(line) for line in lines]
        assert [each["problem"] for each in updates] == ["", ""]
        assert updates[0]["time"] <= updates[1]["time"]  # in whole seconds
        serials = {each["secrets"][0]["serial"] for each in updates}
    assert len(serials) == 2
    assert "PRIVATE" not in "".join(lines)


def test_a_watch_outlives_the_agent(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _CONFIG.replace("4s", "1h"))
    command = [*_ACCREDIT, "sds", "watch", f"--socket=unix://{agent.socket}", "--output=json"]
    with (
        agent.running(),
        subprocess.Popen([*command, "ROOTCA"], stdout=subprocess.PIPE) as watcher,
    ):
        assert watcher.stdout is not None
        first = json.loads(watcher.stdout.readline())
        agent.kill()
        assert "UNAVAILABLE" in json.loads(watcher.stdout.readline())["problem"]
        agent.start()
        while (update := json.loads(watcher.stdout.readline()))["problem"]:
            pass
        assert update["secrets"] == first["secrets"]
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--socket", "/run/api.sock"), "is neither unix nor tcp"),
        (("--timeout", "0"), "--timeout"),
        (("--output", "yaml"), "--output"),
    ],
)
def test_wrong_use_is_2(agent: AgentProcess, arguments: tuple[str, ...], reason: str) -> None:
    done = sds(agent, "fetch", *arguments, "default")
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_server_that_is_not_there_is_1_and_one_line(agent: AgentProcess, tmp_path: Path) -> None:
    done = sds(agent, "fetch", f"--socket=unix://{tmp_path}/none", "default")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file or directory" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_names_every_command() -> None:
    done = subprocess.run([*_ACCREDIT, "sds", "-h"], check=True, capture_output=True, text=True)
    assert "fetch" in done.stdout
    assert "watch" in done.stdout
    everything = subprocess.run([*_ACCREDIT, "-h"], check=True, capture_output=True, text=True)
    assert "sds" in everything.stdout
