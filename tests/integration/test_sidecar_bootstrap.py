"""A bootstrap made in a child process."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accredit.agent.sidecar_bootstrap import bootstrap
from accredit.envoy.supervise.expected import expected
from accredit.identity.errors import ConfigError

_FILE = """\
sidecar:
  trust_domain: td.example
  socket: /run/api.sock
  admin: /run/s/admin.sock
  inbound:
    - listen: 127.0.0.1:8443
      app: 127.0.0.1:8080
      allow: [/web]
"""


async def test_it_is_the_bootstrap_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(_FILE)
    assert expected(await bootstrap(file, "accredit")).admin == "/run/s/admin.sock"


async def test_mistakes_come_back_with_their_lines_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(_FILE.replace("allow", "alow").replace("socket:", "sucket:"))
    with pytest.raises(ConfigError) as raised:
        await bootstrap(file, "accredit")
    mistakes = raised.value.mistakes
    assert {mistake.path for mistake in mistakes} == {str(file)}
    assert any(mistake.line == 3 and "sucket" in str(mistake) for mistake in mistakes)
    assert any("alow" in str(mistake) for mistake in mistakes)


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/nofile: cannot be read: no such file"):
        await bootstrap(tmp_path / "nofile", "accredit")


async def test_a_name_that_looks_like_an_option_is_a_name() -> None:
    with pytest.raises(ConfigError, match="--help: cannot be read"):
        await bootstrap(Path("--help"), "accredit")


async def test_warnings_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "s.yaml"
    soon = datetime.now(UTC).date() + timedelta(days=7)
    file.write_text(_FILE + f"      mode: permissive\n      until: {soon}\n")
    with caplog.at_level(logging.WARNING):
        await bootstrap(file, "accredit")
    assert any("plaintext" in vars(each).get("warning", "") for each in caplog.records)
