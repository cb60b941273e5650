"""Envoy's judgement of a bootstrap, and programs that are none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support import needs
from support.sidecar_sample import SIDECAR

from accredit.envoy.bootstrap import to_json
from accredit.envoy.supervise.validation import validate, version
from accredit.identity.errors import UnavailableError


def _program(folder: Path, script: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


async def test_a_bootstrap_of_ours_is_valid_and_leaves_no_file(tmp_path: Path) -> None:
    assert await validate(needs.envoy(), tmp_path, to_json(SIDECAR)) == ""
    assert list(tmp_path.iterdir()) == []


async def test_a_bad_port_is_named_in_envoys_words(tmp_path: Path) -> None:
    text = to_json(SIDECAR).replace(": 8443", ": 98443")
    reason = await validate(needs.envoy(), tmp_path, text)
    assert reason.endswith("PortValue: value must be less than or equal to 65535")
    assert "\n" not in reason


async def test_a_crash_is_told_as_one(tmp_path: Path) -> None:
    program = _program(tmp_path, "kill -SEGV $$")
    assert await validate(program, tmp_path, "{}") == "Envoy crashed (SIGSEGV) over it"


async def test_one_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    program = _program(tmp_path, "exec sleep 600")
    reason = await validate(program, tmp_path, "{}", timedelta(seconds=0.2))
    assert reason == "Envoy had no answer within 0.2 s"


async def test_one_that_talks_too_much_is_cut(tmp_path: Path) -> None:
    program = _program(tmp_path, "yes | head -c 3000000; exit 1")
    assert await validate(program, tmp_path, "{}") == "y"


async def test_the_file_it_gets_is_private(tmp_path: Path) -> None:
    program = _program(tmp_path, 'stat -c %a "$4"; exit 1')
    assert await validate(program, tmp_path, "{}") == "600"


async def test_a_program_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot run /nowhere: No such file"):
        await version(Path("/nowhere"))
    (tmp_path / "text").write_text("no program")
    with pytest.raises(UnavailableError, match="Permission denied"):
        await version(tmp_path / "text")


async def test_the_version_is_envoys() -> None:
    assert (await version(needs.envoy())).count(".") == 2
