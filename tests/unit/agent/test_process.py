"""Exit codes before anything runs; tests/integration has the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_CONFIG = "trust_domain: a\ndata_dir: data\nsocket: api.sock\nadmin_socket: admin.sock\n"
# A process of its own: this one has threads of other tests, and the agent has none when it forks.
_PROGRAM = """\
import sys
from pathlib import Path
from accredit.agent.process import main
from accredit.identity.errors import ConfigError
try:
    sys.exit(main(Path(sys.argv[1])))
except ConfigError as error:
    sys.exit(f"{error}")
"""


def said(folder: Path, text: str) -> str:
    """Return what an agent says that ends with 1."""
    path = folder / "accredit.yaml"
    path.write_text(text)
    path.chmod(0o600)
    command = [sys.executable, "-c", _PROGRAM, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


def test_mistakes_in_the_file_are_the_callers_to_tell(tmp_path: Path) -> None:
    assert "accredit.yaml:1: ttl: expected a duration" in said(tmp_path, "ttl: 1\n" + _CONFIG)


def test_a_folder_that_cannot_be_used_is_told_in_a_log_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    [line] = said(tmp_path, _CONFIG).splitlines()
    assert "ERROR   accredit.agent.run: cannot go on error=" in line
    assert str(tmp_path / "data") in line
