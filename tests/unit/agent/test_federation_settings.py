"""What a running agent takes over, read again by another process."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from accredit.agent.config import load_config
from accredit.agent.federation_settings import Section, read_settings
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.errors import ConfigError

_CONFIG = """\
trust_domain: prod.example
data_dir: data
socket: api.sock
admin_socket: admin.sock
federation:
  relationships:
    - {trust_domain: a.example, url: https://h/, profile: https_web, ca_file: ca.pem}
  endpoint: {listen: "[::]:8443", profile: https_web, certificate: c.pem, key: k.pem}
outputs:
  - {profile: pem, folder: files}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "accredit.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


async def test_it_is_what_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, _CONFIG)
    found = await read_settings(path)
    section = load_config(path).federation
    assert section.endpoint is not None
    assert found.federation == section.settings()
    assert found.endpoint == section.endpoint.settings()
    assert found.outputs == load_config(path).plan(path).outputs
    assert found.outputs[0].folder == tmp_path / "files"
    assert found.endpoint.key == tmp_path / "k.pem"
    assert found.federation.relationships[0].ca_file == tmp_path / "ca.pem"


async def test_an_agent_need_not_serve_its_bundle(tmp_path: Path) -> None:
    path = written(tmp_path, _CONFIG.partition("  endpoint:")[0])
    assert (await read_settings(path)).endpoint is None


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        (
            "https_web",
            "web",
            r"accredit\.yaml:7: federation\.relationships\[0\]\.profile: expected",
        ),
        ("prod.example", "PROD", r"accredit\.yaml:1: trust_domain: "),
    ],
)
async def test_any_mistake_in_the_file_is_told(
    old: str, new: str, mistake: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=mistake):
        await read_settings(written(tmp_path, _CONFIG.replace(old, new)))


async def test_a_file_that_is_gone_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"accredit\.yaml: cannot be read: no such file"):
        await read_settings(tmp_path / "accredit.yaml")


async def test_a_checker_that_fails_is_a_mistake_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, _CONFIG)
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # no Python starts without its library
    with pytest.raises(ConfigError, match="cannot be checked: the reason is above"):
        await read_settings(path)
    assert "encodings" in capfd.readouterr().err


async def test_a_checker_that_cannot_be_started_is_a_mistake_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of processes or descriptors, or Python itself was replaced while the agent runs."""
    path = written(tmp_path, _CONFIG)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigError, match="cannot be checked: no such file or directory"):
        await read_settings(path)


@pytest.mark.parametrize(
    "answer",
    [
        *(b"cno_such_module\nSection\n.", b"caccredit.agent\nNewer\n.", b"I7\n.", b""),
        # Fields that have come or gone go unnoticed: a frozen one with slots takes what is there.
        b"accredit 0.0.9\n" + pickle.dumps((Section(FederationSettings(), None, ()), ())),
    ],
)
async def test_a_checker_of_another_version_is_a_mistake_too(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package was upgraded while the agent runs."""
    path, program = written(tmp_path, _CONFIG), tmp_path / "python"
    (tmp_path / "answer").write_bytes(answer)
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ConfigError, match="another version is installed by now; restart the agent"):
        await read_settings(path)
