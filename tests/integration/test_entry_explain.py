"""What a running agent says of a process is what that process gets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from support.agent_process import AgentProcess
from support.explained_agent import CONFIG, ME, MINE, UID, entry, run, sleeping

from accredit.agent.admin_client import ask
from accredit.agent.cli import main
from accredit.identity.errors import RequestError


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), CONFIG).running() as running:
        yield running


def explained(agent: AgentProcess, pid: int) -> dict[str, Any]:
    found = ask(agent.admin_socket, "entry.explain", timeout=60, pid=pid)
    (process,) = found["processes"]
    assert isinstance(process, dict)
    return process


def test_a_process_that_never_connected_is_explained(agent: AgentProcess) -> None:
    with sleeping() as pid:
        found = explained(agent, pid)
    assert found["facts"]["executable"].endswith(("/sleep", "/coreutils"))
    assert {"selector": f"unix:uid:{UID}", "trust": "kernel"} in found["selectors"]
    assert [each["id"] for each in found["matching"]] == [ME, MINE]
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
    assert [svid["spiffe_id"] for svid in told["svids"]] == real == [ME, MINE]
    assert all(svid["not_after"] for svid in told["svids"])
    assert [svid["hint"] for svid in told["svids"]] == ["", "mine"]
    assert told["bundles"] == ["prod.example"]


def test_what_is_told_of_sds_is_what_it_answers(agent: AgentProcess) -> None:
    run(agent, "api", "fetch", "x509")
    with sleeping() as pid:
        found = explained(agent, pid)
    told = {each["name"]: each["answer"] for each in found["sds"]}
    assert told["default"] == f"certificate of {ME}"
    assert told["hint:mine"] == told[MINE] == f"certificate of {MINE}"
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
    assert f"{MINE} from {agent.config}:6, made of spiffe://prod.example/u/{{unix:uid}}/web" in (
        text
    )


def test_processes_are_found_by_what_they_are(agent: AgentProcess) -> None:
    with sleeping() as pid:
        done = entry(agent, "explain", "--selector", f"unix:uid:{UID}", "--output=json")
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
