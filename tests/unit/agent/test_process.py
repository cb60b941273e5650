"""Exit codes before anything runs; tests/integration has the rest."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from accredit.agent.process import main
from accredit.identity.errors import ConfigError

# Other tests leave the threads of grpcio behind; the agent has none when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

_CONFIG = "trust_domain: a\ndata_dir: data\nsocket: api.sock\nadmin_socket: admin.sock\n"


@pytest.fixture(autouse=True)
def nothing_of_grpcio_to_collect() -> None:
    """A child that collects what other tests left of grpcio waits for threads it does not have."""
    gc.collect()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def config(folder: Path, text: str) -> Path:
    path = folder / "accredit.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_mistakes_in_the_file_are_the_callers_to_tell(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"accredit\.yaml:1: ttl: expected a duration"):
        main(config(tmp_path, "ttl: 1\n" + _CONFIG))


def test_a_folder_that_cannot_be_used_is_told_in_a_log_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("not a folder")
    assert main(config(tmp_path, _CONFIG)) == 1
    [line] = capfd.readouterr().err.splitlines()
    assert "ERROR   accredit.agent.run: cannot go on error=" in line
    assert str(tmp_path / "data") in line
