"""What a running agent says of a process is what that process gets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.agent_process import AgentProcess
from support.eventually import eventually

from accredit.agent.admin_client import ask
from accredit.agent.cli import main
from accredit.agent.plan_file import documents
from accredit.identity.errors import ConfigError, RequestError

_UID = os.geteuid()
_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /u/{{unix:uid}}/web
    hint: mine
  - id: /me
    selectors: ["unix:uid:{_UID}"]
    default: true
  - id: /other
    selectors: ["unix:uid:{_UID}", "unix:path:/bin/other"]
  - id: /ns/{{k8s:ns}}
    selectors: ["unix:uid:{_UID}"]
"""
_PLACES = "data_dir: d\nsocket: s\nadmin_socket: a\n"
_MINE = f"spiffe://prod.example/u/{_UID}/web"
_ME = "spiffe://prod.example/me"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG).running() as running:
        yield running


@contextmanager
def sleeping() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "1000"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def run(agent: AgentProcess, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accredit", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix:{agent.socket}"},
    )


def entry(agent: AgentProcess, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(agent, "entry", *arguments, "-c", agent.config)


def explained(agent: AgentProcess, pid: int) -> dict[str, Any]:
    found = ask(agent.admin_socket, "entry.explain", timeout=60, pid=pid)
    (process,) = found["processes"]
    assert isinstance(process, dict)
    return process


def test_a_process_that_never_connected_is_explained(agent: AgentProcess) -> None:
    with sleeping() as pid:
        found = explained(agent, pid)
    assert found["facts"]["executable"].endswith(("/sleep", "/coreutils"))
    assert {"selector": f"unix:uid:{_UID}", "trust": "kernel"} in found["selectors"]
    assert [each["id"] for each in found["matching"]] == [_ME, _MINE]
    assert found["matching"][1]["template"] == "spiffe://prod.example/u/{unix:uid}/web"
    lacks = {miss["entry"]["id"]: miss["lacks"] for miss in found["nearest"]}
    assert lacks == {
        "spiffe://prod.example/other": [
            {"wanted": "unix:path:/bin/other", "reason": "the caller has no unix:path"}
        ],
        "spiffe://prod.example/ns/{k8s:ns}": [
            {"wanted": "{k8s:ns}", "reason": "the caller has none"}
        ],
    }


def test_what_is_told_of_the_workload_api_is_what_it_answers(agent: AgentProcess) -> None:
    done = run(agent, "api", "fetch", "x509", "--output=json")
    real = [svid["spiffe_id"] for svid in json.loads(done.stdout)["svids"]]
    with sleeping() as pid:
        found = explained(agent, pid)
    told = found["workload_api"]
    assert [svid["spiffe_id"] for svid in told["svids"]] == real == [_ME, _MINE]
    assert all(svid["not_after"] for svid in told["svids"])
    assert [svid["hint"] for svid in told["svids"]] == ["", "mine"]
    assert told["bundles"] == ["prod.example"]


def test_what_is_told_of_sds_is_what_it_answers(agent: AgentProcess) -> None:
    run(agent, "api", "fetch", "x509")
    with sleeping() as pid:
        found = explained(agent, pid)
    told = {each["name"]: each["answer"] for each in found["sds"]}
    assert told["default"] == f"certificate of {_ME}"
    assert told["hint:mine"] == told[_MINE] == f"certificate of {_MINE}"
    done = run(agent, "sds", "fetch", *told, "--output=json")
    assert done.returncode == 0, done.stderr
    secrets = {each["name"]: each for each in json.loads(done.stdout)["secrets"]}
    assert secrets.keys() == told.keys()
    for name, answer in told.items():
        assert re.sub(".* of ", "", answer) in json.dumps(secrets[name])


def test_people_read_the_same(agent: AgentProcess) -> None:
    with sleeping() as pid:
        text = entry(agent, "explain", str(pid)).stdout
    assert text.startswith(f"process {pid} (sleep)")
    assert "lacks unix:path:/bin/other: the caller has no unix:path" in text
    assert f"{_MINE} from {agent.config}:6, made of spiffe://prod.example/u/{{unix:uid}}/web" in (
        text
    )


def test_processes_are_found_by_what_they_are(agent: AgentProcess) -> None:
    with sleeping() as pid:
        done = entry(agent, "explain", "--selector", f"unix:uid:{_UID}", "--output=json")
        found = json.loads(done.stdout)
        assert 1 <= len(found["processes"]) <= 16
        if not found["more"]:
            assert pid in {each["pid"] for each in found["processes"]}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"pid": 999999999}, "there is no process 999999999"),
        ({"pid": "AGENT"}, "is the agent itself, which has no identity"),
        ({"pid": -1}, "pid: expected a number from 0 to"),
        ({"pid": True}, "pid: expected a number from 0 to"),
        ({"unit": "nginx"}, "no attestor here tells of units"),
        ({"image": "nginx"}, "no attestor here tells of images"),
        ({"selectors": ["unix:uid:4000000000"]}, "no live process has unix:uid:4000000000; "),
        ({"selectors": ["unix"]}, "'unix:' is not a selector"),
        ({"selectors": "unix:uid:1"}, "selectors: expected a list"),
        ({"pid": 1, "near": 101}, "near: expected a number from 0 to 100"),
        ({}, "expected pid, selectors, image or unit"),
    ],
)
def test_what_cannot_be_explained_says_why(
    agent: AgentProcess, asked: dict[str, Any], told: str
) -> None:
    given = {name: agent.pid if each == "AGENT" else each for name, each in asked.items()}
    with pytest.raises(RequestError) as caught:
        ask(agent.admin_socket, "entry.explain", timeout=60, **given)
    assert told in str(caught.value)


def test_a_process_that_is_not_there_is_1(agent: AgentProcess) -> None:
    done = entry(agent, "explain", "999999999")
    assert (done.returncode, done.stderr) == (1, "Error: there is no process 999999999\n")


@pytest.mark.parametrize("arguments", [[], ["1", "--unit", "nginx"], ["0"], ["x"]])
def test_wrong_use_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["entry", "explain", *arguments]).exit_code == 2


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
  - {{id: /me, selectors: ["unix:uid:{_UID}"], ttl: 5m}}
  - {{id: /new, selectors: ["unix:uid:{_UID}"], default: true}}
"""


def test_who_is_connected_is_told_what_it_would_lose_and_gain(agent: AgentProcess) -> None:
    with watching(agent) as pid:
        found = planned(agent, _NEW)
        (changes,) = [each for each in found["changes"] if each["pid"] == pid]
    assert changes["lost"] == [_MINE]
    assert changes["gained"] == ["spiffe://prod.example/new"]
    terms = [(each["term"], each["before"], each["after"]) for each in changes["changed"]]
    assert terms == [("ttl", "1h", "5m")]
    assert changes["default"] == {"before": _ME, "after": "spiffe://prod.example/new"}
    assert (changes["connections"], changes["uid"]) == (1, _UID)
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
    assert f"- {_MINE}\n" in done.stdout
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
    assert found["lost"] == [_MINE]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entries: [{id: /x}]\n", "new.yaml:1: entries[0].selectors: expected at least one"),
        ("entries: []\nmore: 1\n", "new.yaml:2: more: unknown key"),
        ("trust_domain: prod.example\nmore: 1\n", "new.yaml:2: more: unknown key"),
        (
            f"trust_domain: other.example\n{_PLACES}",
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
    (folder / "a.yaml").write_text(f"entries: [{{id: /me, selectors: ['unix:uid:{_UID}']}}]\n")
    (folder / "a.yaml").chmod(0o600)
    with watching(agent) as pid:
        config = f"trust_domain: prod.example\nttl: 7m\nentries_dir: entries\n{_PLACES}"
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

        assert held() == [f"spiffe://prod.example/a/{_UID}"]
        (shown,) = ask(agent.admin_socket, "entry", name=f"/a/{_UID}")
        assert shown["id"] == "spiffe://prod.example/a/{unix:uid}"
        assert shown["instances"] == held()
        agent.config.write_text(agent.config.read_text().replace("/a/", "/b/"))
        await eventually(lambda: held() == [f"spiffe://prod.example/b/{_UID}"], seconds=30)
