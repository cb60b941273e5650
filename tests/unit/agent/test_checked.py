"""Work done in a child: its value or its mistakes come back, its memory does not."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from accredit.agent.checked import checked
from accredit.identity.errors import ConfigError, Mistake

# Other tests leave the threads of grpcio behind; the agent has none when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

_PATH = Path("/f")


@pytest.fixture(autouse=True)
def nothing_of_grpcio_to_collect() -> None:
    """A child that collects what other tests left of grpcio waits for threads it does not have."""
    gc.collect()


def nothing() -> None:
    pass


def test_the_value_comes_back_from_another_process() -> None:
    pid, path = checked(_PATH, lambda path: (os.getpid(), path), nothing)
    assert pid != os.getpid()
    assert path == _PATH


def test_something_else_is_done_meanwhile() -> None:
    done: list[int] = []
    assert checked(_PATH, lambda _: "x" * 1_000_000, lambda: done.append(1)) == "x" * 1_000_000
    assert done == [1]


def test_mistakes_come_back_whole() -> None:
    wrong = (Mistake("/f", 3, "ttl", "expected"), Mistake("/f", None, "", "is odd"))

    def check(_: Path) -> None:
        raise ConfigError(wrong)

    with pytest.raises(ConfigError) as raised:
        checked(_PATH, check, nothing)
    assert raised.value.mistakes == wrong


def test_a_bug_in_the_child_is_told_there_and_is_an_error_here(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def check(_: Path) -> None:
        raise ZeroDivisionError("oops")

    with pytest.raises(ConfigError, match="/f: cannot be checked; the reason is above"):
        checked(_PATH, check, nothing)
    assert "ZeroDivisionError: oops" in capfd.readouterr().err


def test_a_child_that_is_killed_is_an_error() -> None:
    with pytest.raises(ConfigError, match="cannot be checked"):
        checked(_PATH, lambda _: os.kill(os.getpid(), 9), nothing)
