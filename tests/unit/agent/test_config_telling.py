"""How an output's program is checked, told and looked at: what it comes to, and what is wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from accredit.agent.config import parse_config
from accredit.agent.config_outputs import OutputSection
from accredit.agent.output_plan import OutputPlan
from accredit.file_output.address import Address
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.haproxy import HaproxyRuntime, Loaded
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.systemd import Systemd, Verb
from accredit.file_output.tell.way import Nothing, Way
from accredit.file_output.verify import Verify
from accredit.identity.errors import ConfigError
from accredit.identity.yaml_lines import load

_AT = Path("/etc/accredit")


def plan(text: str) -> OutputPlan:
    data, _ = load(text, "f")
    return OutputSection.model_validate(data).plan(_AT)


def mistakes(outputs: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_config(f"trust_domain: prod.example\noutputs:\n{outputs}", _AT / "f")
    return [str(each).removeprefix("/etc/accredit/f:") for each in raised.value.mistakes]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("false", Nothing()),
        ("[nginx, -s, reload]", Command(("nginx", "-s", "reload"))),
        (
            "{command: [a], user: u, group: 5, timeout: 3s, environment: {A: b}}",
            Command(("a",), timedelta(seconds=3), "u", "5", {"A": "b"}),
        ),
        ("{systemd: a.service}", Systemd("a.service")),
        (
            "{systemd: a.service, verb: restart, runtime_dir: /run/user/5, timeout: 2m}",
            Systemd("a.service", Verb.RESTART, timedelta(minutes=2), "/run/user/5"),
        ),
        ("{pid_file: /p}", Signal("/p")),
        (
            "{haproxy: 'unix:/run/h.sock'}",
            HaproxyRuntime((Cli(Address(path="/run/h.sock")),), (Loaded("c.pem"),)),
        ),
        (
            "{haproxy: ['127.0.0.1:9', '127.0.0.1:8'], worker: '@1', systemd: h.service}",
            HaproxyRuntime(
                (Cli(Address("127.0.0.1", 9), "@1"), Cli(Address("127.0.0.1", 8), "@1")),
                (Loaded("c.pem"),),
                Systemd("h.service"),
            ),
        ),
    ],
)
def test_a_reload_is_one_of_several_ways(text: str, way: Way) -> None:
    files = "[{kind: combined, name: c.pem}, {kind: own-bundle, name: ca.pem}]"
    found = plan(f"name: a\nfolder: out\nfiles: {files}\nreload: {text}")
    assert found.recipe.reload == way
    assert found.recipe.validate == found.recipe.verify == Nothing()


def test_a_check_of_the_profile_can_be_switched_off() -> None:
    found = plan("{profile: nginx, folder: a, validate: false, reload: false, verify: false}")
    assert found.recipe.validate == found.recipe.reload == found.recipe.verify == Nothing()


def test_a_look_at_the_program_may_say_how() -> None:
    text = "{address: ['a:1', 'unix:/s'], starttls: mysql, server_name: n, within: 3s, in_a_row: 1}"
    found = plan(f"profile: nginx\nfolder: out\nverify: {text}").recipe.verify
    assert found == Verify(
        (Address("a", 1), Address(path="/s")), "n", StartTls.MYSQL, timedelta(seconds=3), 1
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "  - profile: nginx\n    folder: a\n    validate: {comand: [a]}",
            "5: outputs[0].validate.comand: unknown key; did you mean 'command'?",
        ),
        ("  - {profile: nginx, folder: a, validat: false}", "did you mean 'validate'?"),
        (
            "  - {profile: nginx, folder: a, validate: {timeout: 1s}}",
            "outputs[0].validate: expected a command",
        ),
        (
            "  - {profile: nginx, folder: a, validate: {}}",
            "outputs[0].validate: expected keys and values, or false",
        ),
        ("  - {profile: nginx, folder: a, reload: true}", "reload: expected keys and values"),
        (
            "  - {profile: nginx, folder: a, reload: {user: x}}",
            "user, group and environment belong to a command",
        ),
        (
            "  - {profile: nginx, folder: a, reload: {systemd: a.service, command: [b]}}",
            "expected one of systemd and command, not several",
        ),
        (
            "  - {profile: nginx, folder: a, reload: {signal: HUP}}",
            "expected systemd, signal with pid_file, command or haproxy",
        ),
        (
            "  - {profile: nginx, folder: a, reload: {systemd: a.service, signal: HUP}}",
            "signal belongs to pid_file",
        ),
        (
            "  - {profile: nginx, folder: a, reload: {pid_file: a.pid}}",
            "pid_file: expected an absolute path",
        ),
        (
            "  - {profile: nginx, folder: a, reload: {pid_file: /p, signal: HOP}}",
            "signal: 'HOP' is not one; try HUP or USR1",
        ),
        ("  - {profile: nginx, folder: a, reload: {systemd: a/b}}", "is not the name of a unit"),
        ("  - {profile: nginx, folder: a, reload: {command: []}}", "expected a program and its"),
        (
            "  - {profile: nginx, folder: a, reload: {command: [a], environment: {A: 1}}}",
            "expected names and texts",
        ),
        ("  - {profile: nginx, folder: a, verify: '443'}", "'443' is not an address"),
        (
            "  - {profile: nginx, folder: a, verify: {address: 'h:1', server_name: a..b}}",
            "server_name: 'a..b' is not the name of a server",
        ),
        (
            '  - {profile: nginx, folder: a, reload: {pid_file: "/a\\0b"}}',
            "a text cannot hold a NUL character",
        ),
        ("  - {profile: nginx, folder: a, verify: {address: []}}", "expected an address"),
        ("  - {profile: nginx, folder: a, verify: {within: 3s}}", "verify: expected an address"),
    ],
)
def test_a_mistake_names_key_and_what_was_expected(text: str, told: str) -> None:
    found = mistakes(text)
    assert any(re.search(re.escape(told), each) for each in found), found
