"""How Envoy is called."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from accredit.envoy.supervise import arguments
from accredit.envoy.supervise.arguments import Options, not_yours

_BOOTSTRAP = Path("/f/bootstrap.json")


def value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def test_a_process_has_its_place_among_those_of_one_base_id() -> None:
    command = arguments.serve(Options(), _BOOTSTRAP, 77, 3)
    assert value(command, "--base-id") == "77"
    assert value(command, "--restart-epoch") == "3"


def test_the_hot_restart_socket_is_a_path_that_only_we_can_reach() -> None:
    command = arguments.serve(Options(), _BOOTSTRAP, 77, 0)
    assert value(command, "--socket-path") == "/f/hot"
    assert value(command, "--socket-mode") == "600"


def test_the_parent_goes_a_moment_after_the_drain() -> None:
    options = Options(drain_time=timedelta(seconds=7))
    command = arguments.serve(options, _BOOTSTRAP, 77, 0)
    assert value(command, "--drain-time-s") == "7"
    assert value(command, "--parent-shutdown-time-s") == "12"


def test_what_the_operator_chose_is_passed_on() -> None:
    options = Options("debug", 3, further=("--cpuset-threads",))
    command = arguments.serve(options, _BOOTSTRAP, 77, 0)
    assert value(command, "--log-level") == "debug"
    assert value(command, "--concurrency") == "3"
    assert command[-1] == "--cpuset-threads"


def test_without_a_number_of_workers_envoy_chooses() -> None:
    assert "--concurrency" not in arguments.serve(Options(), _BOOTSTRAP, 77, 0)


@pytest.mark.parametrize(
    "argument",
    [
        "--base-id",
        "--base-id=7",
        "-c",
        "-c/x",
        "-linfo",
        "--config-path=/x",
        "--mode",
        "--socket-path",
    ],
)
def test_what_we_choose_is_not_the_operators(argument: str) -> None:
    assert not_yours(["--cpuset-threads", argument]) == argument


def test_other_arguments_are_the_operators() -> None:
    assert not_yours(["--component-log-level", "upstream:debug", "--cpuset-threads"]) == ""


def test_validate_mode_leaves_no_shared_memory() -> None:
    command = arguments.validate(_BOOTSTRAP)
    assert value(command, "--mode") == "validate"
    assert "--disable-hot-restart" in command
