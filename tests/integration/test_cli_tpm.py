"""``accredit tpm`` as a person runs it, and an agent that has no TPM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, swtpm
from support.swtpm import SoftwareTpm

_WITHOUT_BINDING = (
    "import sys; sys.modules['tpm2_pytss'] = None; from accredit.agent.cli import main; main()"
)
_LOADED = """
import asyncio, sys
from pathlib import Path
from accredit.agent import process
from accredit.agent.checked import checked

async def wire(plan):
    from accredit.agent.wiring import wired
    async with wired(plan) as agent:
        print([name for name in sys.modules if "tpm" in name or "sealed" in name])

asyncio.run(wire(checked(Path(sys.argv[1]), process._plan, process._load)))
"""


@pytest.fixture(scope="module")
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running(certified=True) as tpm:
        yield tpm


def _config(folder: Path, device: str, keys: str = "disk") -> Path:
    path = folder / "accredit.yaml"
    path.write_text(
        f"trust_domain: td.example\ndata_dir: {folder}/data\nsocket: {folder}/s\n"
        f"admin_socket: {folder}/a\ntpm: {{device: '{device}'}}\n"
        f"authority: {{embedded: {{keys: {keys}}}}}\n"
    )
    path.chmod(0o600)
    return path


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], check=False, capture_output=True, text=True, timeout=60
    )


def _tpm(*arguments: str | Path) -> str:
    done = _run("-m", "accredit", "tpm", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _refused(*command: str | Path) -> str:
    done = _run(*command)
    assert done.returncode == 1, done.stdout
    [line] = done.stderr.splitlines()
    return line


def test_show_tells_which_tpm_it_is_and_changes_nothing(tpm: SoftwareTpm, tmp_path: Path) -> None:
    config = _config(tmp_path, tpm.device)
    found = json.loads(_tpm("show", "-c", config, "--output", "json"))
    assert found["manufacturer"] == "IBM"
    assert found["specification"].startswith("2.0 ")
    assert set(found["endorsement_certificates"]) == {"EK-RSA2048", "EK-HIGH-ECC384"}
    assert set(found["pcrs"]) == {str(number) for number in range(24)}
    assert found["keys"] is None
    assert found["sealed_to"] is None
    assert not (tmp_path / "data").exists()


def test_show_and_provision_tell_how_keys_are_kept(tpm: SoftwareTpm, tmp_path: Path) -> None:
    config = _config(tmp_path, tpm.device, "{disk: {seal: tpm, pcrs: [16]}}")
    recovery = tmp_path / "recovery"
    assert "2 sealed to the TPM" in _tpm("provision", "-c", config, "--recovery-key", recovery)
    assert "16   0000" in (text := _tpm("show", "-c", config))
    assert "this TPM, PCR 16" in text
    tpm.extend()
    found = json.loads(_tpm("show", "-c", config, "--output", "json"))
    assert found["sealed_to"] == {"pcrs": [16], "changed": [16]}
    found = json.loads(_tpm("provision", "-c", config, "--recover", recovery, "--output", "json"))
    assert found == {
        "data_dir": str(tmp_path / "data"),
        "made": False,
        "keys": {"plain": 0, "sealed": 2, "tpm": 0},
        "recovery_key": None,
        "next": "",
    }


def test_provision_says_how_keys_get_into_the_tpm(tpm: SoftwareTpm, tmp_path: Path) -> None:
    _tpm("provision", "-c", _config(tmp_path, tpm.device))
    text = _tpm("provision", "-c", _config(tmp_path, tpm.device, "tpm"))
    assert "2 in plain files" in text
    assert "the next are made in the TPM: start the agent, and run accredit ca rotate" in text


def test_a_missing_device_is_named_with_its_cure(tmp_path: Path) -> None:
    needs.tpm()
    config = _config(tmp_path, f"{tmp_path}/tpm0", "tpm")
    line = _refused("-m", "accredit", "tpm", "show", "-c", config)
    assert f"there is no TPM at {tmp_path}/tpm0: enable it in the firmware" in line
    line = _refused("-m", "accredit", "run", "-c", config)
    assert f'cannot go on error="there is no TPM at {tmp_path}/tpm0' in line


def test_a_missing_binding_is_named_with_its_cure(tmp_path: Path) -> None:
    config = _config(tmp_path, "/dev/tpmrm0", "tpm")
    for command in ("show", "provision"):
        line = _refused("-c", _WITHOUT_BINDING, "tpm", command, "-c", config)
        assert "the TPM's software is missing" in line
        assert "pip install 'accredit[tpm]'" in line


def test_a_folder_that_cannot_be_looked_into_is_named(tpm: SoftwareTpm, tmp_path: Path) -> None:
    config = _config(tmp_path, tpm.device)
    (tmp_path / "data/authority").mkdir(parents=True)
    line = _refused("-m", "accredit", "tpm", "show", "-c", config)
    assert f"{tmp_path}/data/authority/keys: is missing" in line
    (tmp_path / "data/authority/keys").mkdir()
    wrapping = tmp_path / "data/authority/wrapping.tpm"
    wrapping.write_text("{}")
    wrapping.chmod(0o600)
    line = _refused("-m", "accredit", "tpm", "show", "-c", config)
    assert "wrapping.tpm: is damaged: expected a secret that a TPM sealed" in line


def test_an_agent_without_a_tpm_loads_nothing_for_one(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, _config(tmp_path, "/dev/tpmrm0")],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stdout.strip() == "[]", done.stderr
