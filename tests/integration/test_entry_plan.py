"""What a running agent says other entries would change is what they change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import AgentProcess
from support.eventually import eventually
from support.explained_agent import CONFIG, ME, MINE, PLACES, UID, entry, sleeping

from accredit.agent.admin_client import ask
from accredit.agent.plan_file import documents
from accredit.identity.errors import ConfigError, RequestError


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), CONFIG).running() as running:
        yield running


@contextmanager
def watching(agent: AgentProcess) -> Iterator[int]:
    """Have a process that holds a stream of the Workload API, and has had its first answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "accredit", "api", "watch", "--output=json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix:{agent.socket}"},
    )
    try:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def written(agent: AgentProcess, text: str) -> Path:
    path = agent.folder / "new.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def planned(agent: AgentProcess, text: str, **asked: object) -> dict[str, Any]:
    meant = documents(written(agent, text)) | asked
    found = ask(agent.admin_socket, "entry.plan", timeout=60, **meant)
    assert isinstance(found, dict)
    return found


_NEW = f"""\
entries:
  - {{id: /me, selectors: ["unix:uid:{UID}"], ttl: 5m}}
  - {{id: /new, selectors: ["unix:uid:{UID}"], default: true}}
"""


def test_who_is_connected_is_told_what_it_would_lose_and_gain(agent: AgentProcess) -> None:
    with watching(agent) as pid:
        found = planned(agent, _NEW)
        (changes,) = [each for each in found["changes"] if each["pid"] == pid]
    assert changes["lost"] == [MINE]
    assert changes["gained"] == ["spiffe://prod.example/new"]
    terms = [(each["term"], each["before"], each["after"]) for each in changes["changed"]]
    assert terms == [("ttl", "1h", "5m")]
    assert changes["default"] == {"before": ME, "after": "spiffe://prod.example/new"}
    assert (changes["connections"], changes["uid"]) == (1, UID)
    assert found["entries"] == {"added": 1, "removed": 3, "changed": 1}
    assert found["losing"] == len(found["changes"])


def test_a_plan_changes_nothing(agent: AgentProcess) -> None:
    planned(agent, _NEW)
    assert len(ask(agent.admin_socket, "entries")) == 4


def test_the_present_entries_change_nobody(agent: AgentProcess) -> None:
    with watching(agent):
        done = entry(agent, "plan", agent.config, "--fail-on-loss")
    assert done.returncode == 0
    assert "entries: 0 added, 0 removed, 0 changed" in done.stdout
    assert "0 of 1 processes and outputs are affected" in done.stdout


def test_a_loss_may_fail_the_command(agent: AgentProcess) -> None:
    new = written(agent, _NEW)
    with watching(agent) as pid:
        done = entry(agent, "plan", new, "--fail-on-loss")
        told = entry(agent, "plan", new, "--output=json")
    assert done.returncode == 1
    assert f"- {MINE}\n" in done.stdout
    assert f"process {pid} (" in done.stdout
    assert told.returncode == 0
    assert json.loads(told.stdout)["losing"] == 1


def test_processes_that_are_not_connected_are_looked_at_if_asked_for(agent: AgentProcess) -> None:
    with sleeping() as pid:
        few = planned(agent, _NEW)
        every = planned(agent, _NEW, all_processes=True)
    assert pid not in {each["pid"] for each in few["changes"]}
    (found,) = [each for each in every["changes"] if each["pid"] == pid]
    assert found["connections"] is None
    assert found["lost"] == [MINE]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entries: [{id: /x}]\n", "new.yaml:1: entries[0].selectors: expected at least one"),
        ("entries: []\nmore: 1\n", "new.yaml:2: more: unknown key"),
        ("trust_domain: prod.example\nmore: 1\n", "new.yaml:2: more: unknown key"),
        (
            f"trust_domain: other.example\n{PLACES}",
            "it is for trust domain other.example; this agent",
        ),
        ("entries: [\n", "new.yaml:"),
    ],
)
def test_mistakes_in_a_plan_are_told_with_their_lines(
    agent: AgentProcess, text: str, told: str
) -> None:
    with pytest.raises((RequestError, ConfigError)) as caught:
        planned(agent, text)
    assert told in str(caught.value)


def test_a_whole_configuration_is_planned_with_its_folder_and_lifetimes(
    agent: AgentProcess,
) -> None:
    folder = agent.folder / "entries"
    folder.mkdir()
    (folder / "a.yaml").write_text(f"entries: [{{id: /me, selectors: ['unix:uid:{UID}']}}]\n")
    (folder / "a.yaml").chmod(0o600)
    with watching(agent) as pid:
        config = f"trust_domain: prod.example\nttl: 7m\nentries_dir: entries\n{PLACES}"
        found = planned(agent, config)
    (changes,) = [each for each in found["changes"] if each["pid"] == pid]
    assert [(each["term"], each["after"]) for each in changes["changed"]] == [("ttl", "7m")]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"documents": "x"}, "documents: expected a list of pairs"),
        ({"documents": [["a"]]}, "documents: expected a list of pairs"),
        ({"documents": [], "ttl": "x"}, "'x' is not a duration"),
    ],
)
def test_a_plan_that_is_asked_for_wrongly_is_refused(
    agent: AgentProcess, asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestError) as caught:
        ask(agent.admin_socket, "entry.plan", **asked)
    assert told in str(caught.value)


async def test_a_reload_turns_the_instances_of_a_template_into_others(tmp_path: Path) -> None:
    config = "trust_domain: prod.example\nentries:\n  - id: /a/{unix:uid}\n"
    with AgentProcess(tmp_path, config).running() as agent, watching(agent):

        def held() -> list[str]:
            status = ask(agent.admin_socket, "status")
            return [each["spiffe_id"] for each in status["rotation"]["entries"]]

        assert held() == [f"spiffe://prod.example/a/{UID}"]
        (shown,) = ask(agent.admin_socket, "entry", name=f"/a/{UID}")
        assert shown["id"] == "spiffe://prod.example/a/{unix:uid}"
        assert shown["instances"] == held()
        agent.config.write_text(agent.config.read_text().replace("/a/", "/b/"))
        await eventually(lambda: held() == [f"spiffe://prod.example/b/{UID}"])
