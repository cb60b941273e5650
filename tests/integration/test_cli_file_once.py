"""``accredit file once`` as a process against a real agent."""

from __future__ import annotations

import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, other_user
from support.agent_process import AgentProcess
from support.ca import TestCa
from support.eventually import eventually
from support.file_watch import agent_config, file, leaf, spiffe_id

PARTNER = TestCa("partner.example")
_WEB, _API = "spiffe://prod.example/web", "spiffe://prod.example/api"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("agent")
    with AgentProcess(folder, agent_config(folder, partner=PARTNER)).running() as running:
        yield running


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in (folder / "current").iterdir()}


def test_a_profiles_files_are_there_when_it_ends(agent: AgentProcess, tmp_path: Path) -> None:
    out = tmp_path / "a/b"
    done = file("once", "--profile=nginx", "--dir", out, agent=agent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out}: serial {leaf(out).serial_number:x}, ends ")
    assert modes(out) == {
        "tls.crt": 0o644,
        "tls.key": 0o600,
        "ca.crt": 0o644,
        "ca-partner.example.crt": 0o644,
    }
    openssl = needs.program("openssl", apt="openssl")
    verify = ["verify", "-CAfile", out / "ca.crt", out / "tls.crt"]
    subprocess.run([openssl, *map(str, verify)], check=True, capture_output=True)
    assert (out / "ca-partner.example.crt").read_bytes() == PARTNER.bundle().x509_pem
    assert PARTNER.bundle().x509_pem not in (out / "ca.crt").read_bytes()


def test_nothing_secret_is_said(agent: AgentProcess, tmp_path: Path) -> None:
    done = file("once", "--profile=pem", "--dir", tmp_path / "o", "--audience=db", agent=agent)
    assert done.returncode == 0, done.stderr
    token = (tmp_path / "o/db.jwt").read_text()
    assert token.count(".") == 2
    said = done.stdout + done.stderr
    assert token not in said
    assert "PRIVATE" not in said


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ((), _WEB),
        (("--hint=internal",), _WEB),
        (("--spiffe-id=/api",), _API),
        ((f"--spiffe-id={_API}",), _API),
    ],
)
def test_one_of_several_identities_is_chosen(
    agent: AgentProcess, tmp_path: Path, option: tuple[str, ...], wanted: str
) -> None:
    done = file("once", "--profile=pem", "--dir", tmp_path / "o", *option, agent=agent)
    assert done.returncode == 0, done.stderr
    assert spiffe_id(tmp_path / "o") == wanted


def test_tokens_are_of_the_chosen_identity_one_file_for_each_audience(
    agent: AgentProcess, tmp_path: Path
) -> None:
    asked = ("--audience=db", "--audience=https://cache.example/", "--spiffe-id=/api")
    done = file("once", "--profile=pem", "--dir", tmp_path / "o", *asked, agent=agent)
    assert done.returncode == 0, done.stderr
    for name, audience in (("db.jwt", "db"), ("https-cache.example.jwt", "https://cache.example/")):
        assert modes(tmp_path / "o")[name] == 0o600
        claims = agent.command(
            *("api", "validate-jwt", "--audience", audience, f"--socket=unix://{agent.socket}"),
            *("--svid-file", tmp_path / "o" / name),
        )
        assert _API in claims


def test_an_identity_that_is_not_there_is_waited_for_and_those_there_are_named(
    agent: AgentProcess, tmp_path: Path
) -> None:
    asked = ("--profile=pem", "--dir", tmp_path / "o", "--hint=external", "--timeout=2")
    done = file("once", *asked, agent=agent)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no identity of this process is hint 'external'" in done.stderr
    assert f"{_WEB} (hint 'internal'), {_API}" in done.stderr
    assert "still after 2 s" in done.stderr
    assert not (tmp_path / "o/current").exists()


def test_nobody_there_is_told_after_the_timeout(tmp_path: Path) -> None:
    asked = (f"--socket=unix://{tmp_path}/api.sock", "--timeout=2")
    done = file("once", "--profile=pem", "--dir", tmp_path / "o", *asked)
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stderr


def test_a_caller_without_an_identity_is_told_so(tmp_path: Path) -> None:
    with AgentProcess(tmp_path, "trust_domain: prod.example\nentries: []\n").running() as agent:
        asked = ("--profile=pem", "--dir", tmp_path / "o", "--timeout=2")
        done = file("once", *asked, agent=agent)
    assert done.returncode == 1
    assert "no registration entry matches the caller" in done.stderr


async def test_it_waits_for_an_agent_that_starts_later(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, agent_config(tmp_path))
    done: list[int] = []

    def once() -> None:
        done.append(file("once", "--profile=pem", "--dir", tmp_path / "o", agent=agent).returncode)

    waiting = threading.Thread(target=once)
    waiting.start()
    with agent.running():
        await eventually(lambda: bool(done), 50)
    waiting.join()
    assert done == [0]


def test_the_same_identity_is_not_written_twice(agent: AgentProcess, tmp_path: Path) -> None:
    for _ in range(2):
        done = file("once", "--profile=pem", "--dir", tmp_path / "o", agent=agent)
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "o/sets").iterdir())) == 1


def test_the_program_is_left_alone_unless_it_is_asked_for(
    agent: AgentProcess, tmp_path: Path
) -> None:
    told, described = tmp_path / "told", tmp_path / "outputs.yaml"
    described.write_text(
        f"outputs:\n- {{profile: pem, folder: o, reload: [touch, {told}]}}\n"
        "- {profile: pem, name: other, folder: p, spiffe_id: /api}\n"
    )
    described.chmod(0o600)
    assert file("once", "-c", described, agent=agent).returncode == 0
    assert not told.exists()
    done = file("once", "-c", described, "--reload", agent=agent)
    assert done.returncode == 0, done.stderr
    assert told.exists()
    assert [spiffe_id(tmp_path / each) for each in "op"] == [_WEB, _API]


def test_a_program_that_does_not_take_them_makes_it_fail_at_once(
    agent: AgentProcess, tmp_path: Path
) -> None:
    described = tmp_path / "outputs.yaml"
    described.write_text(
        'outputs:\n- {profile: pem, folder: o, reload: [sh, -c, "echo no; exit 3"]}\n'
    )
    described.chmod(0o600)
    done = file("once", "-c", described, "--reload", agent=agent)
    assert done.returncode == 1
    assert done.stderr.endswith("Error: pem: reload: command 'sh' failed with exit code 3: no\n")


def test_every_output_that_fails_is_named(agent: AgentProcess, tmp_path: Path) -> None:
    described = tmp_path / "outputs.yaml"
    described.write_text(
        "outputs:\n- {profile: pem, name: a, folder: a, hint: x}\n"
        "- {profile: pem, name: b, folder: b, hint: y}\n- {profile: pem, name: c, folder: c}\n"
    )
    described.chmod(0o600)
    done = file("once", "-c", described, "--timeout=3", agent=agent)
    assert done.returncode == 1
    assert "a: no identity of this process is hint 'x'" in done.stderr
    assert "b: no identity of this process is hint 'y'" in done.stderr
    assert spiffe_id(tmp_path / "c") == _WEB


@pytest.mark.root
def test_another_user_gets_his_own_identity_and_files(tmp_path: Path) -> None:
    needs.root()
    mine = f'  - id: /other\n    selectors: ["unix:uid:{other_user.UID}"]\n'
    with other_user.folder() as folder, other_user.folder() as home:
        agent = AgentProcess(folder, agent_config(tmp_path) + mine)
        socket = f"--socket=unix://{agent.socket}"
        asked = ("--profile=pem", "--dir", home / "o", socket)
        command, how = other_user.python("-m", "accredit", "file", "once", *asked)
        with agent.running():
            done = subprocess.run(
                [*map(str, command)], check=False, capture_output=True, text=True, timeout=60, **how
            )
        assert done.returncode == 0, done.stderr
        assert spiffe_id(home / "o") == "spiffe://prod.example/other"
        assert (home / "o/tls.key").stat().st_uid == other_user.UID


def test_users_that_this_machine_does_not_have_are_told_at_once(
    agent: AgentProcess, tmp_path: Path
) -> None:
    asked = ("--profile=pem", "--dir", tmp_path / "o", "--group=nosuchgroup", "--timeout=3600")
    done = file("once", *asked, agent=agent)
    assert done.returncode == 1
    assert "nosuchgroup: there is no such group on this machine" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "needs --profile and --dir, or -c FILE"),
        (("--profile=pem",), "needs --profile and --dir, or -c FILE"),
        (("--profile=ngnix", "--dir=/x"), "--profile: 'ngnix' is not a profile; there are apache"),
        (
            ("--profile=pem", "--dir=/x", "--hint=a", "--spiffe-id=/b"),
            "spiffe_id or hint, not both",
        ),
        (("--profile=pem", "--dir=/x", "--spiffe-id=b"), "--spiffe-id:"),
        (("--profile=kafka", "--dir=/x", "--audience="), "--audience:"),
        (("--profile=pem", "--dir=/x", "--audience=a/b", "--audience=a-b"), "name of two files"),
        (("-c", "x.yaml", "--hint=a"), "with -c, outputs are described in the file alone"),
        (("--profile=pem", "--dir=/x", "--timeout=0"), "--timeout"),
        (("--profile=pem", "--dir=/x", "--socket=/run/x"), "is neither unix nor tcp"),
        (("--profile=pem", "--dir=/x"), "SPIFFE_ENDPOINT_SOCKET: is not set"),
    ],
)
def test_wrong_use_is_2(arguments: tuple[str, ...], reason: str) -> None:
    done = file("once", *arguments)
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr


def test_mistakes_in_the_file_are_told_with_their_lines(tmp_path: Path) -> None:
    described = tmp_path / "outputs.yaml"
    described.write_text("sokket: a\noutputs:\n- {profile: pem, folder: o, hnit: x}\n")
    described.chmod(0o600)
    done = file("once", "-c", described)
    assert done.returncode == 1
    assert f"{described}:1: sokket: unknown key; did you mean 'socket'?" in done.stderr
    assert f"{described}:3: outputs[0].hnit: unknown key; did you mean 'hint'?" in done.stderr


def test_what_the_endpoint_does_not_offer_is_told_at_once(tmp_path: Path) -> None:
    config = agent_config(tmp_path) + "workload_api: {jwt_profile: false}\n"
    with AgentProcess(tmp_path, config).running() as agent:
        asked = ("--profile=pem", "--dir", tmp_path / "o", "--audience=db", "--timeout=3600")
        done = file("once", *asked, agent=agent)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: FetchJWTBundles")
    assert "UNIMPLEMENTED" in last
