from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from support.eventually import eventually
from support.file_sets import marked

from accredit.file_output.tell.command import Command
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError


async def run(folder: Path, *argv: str, **fields: object) -> None:
    await Command(argv, **fields).tell(Written(folder, marked("1")))  # type: ignore[arg-type]


async def said(folder: Path, script: str, **fields: object) -> str:
    """Return the error of a shell command that fails."""
    with pytest.raises(DeployError) as caught:
        await run(folder, "sh", "-c", f"{script}; exit 7", **fields)
    return str(caught.value)


async def test_a_command_is_found_on_a_path_of_its_own_and_given_the_folder(
    tmp_path: Path,
) -> None:
    await run(tmp_path, "touch", "{dir}/touched")
    assert (tmp_path / "touched").exists()


async def test_no_shell_reads_its_arguments(tmp_path: Path) -> None:
    await run(tmp_path, "touch", "{dir}/a b;$(c)")
    assert (tmp_path / "a b;$(c)").exists()


async def test_the_environment_is_clean_but_for_what_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    text = await said(tmp_path, "env", environment={"REDISCLI_AUTH": "pw"})
    assert "SECRET_OF_OURS" not in text
    assert "REDISCLI_AUTH=pw" in text
    assert "LANG=C.UTF-8" in text
    assert "pw" not in repr(Command(("x",), environment={"REDISCLI_AUTH": "pw"}))


async def test_what_it_says_on_either_stream_is_in_the_error(tmp_path: Path) -> None:
    assert (
        await said(tmp_path, "echo one; echo two >&2")
        == "command 'sh' failed with exit code 7: one two"
    )
    assert await said(tmp_path, "true") == "command 'sh' failed with exit code 7"


async def test_much_output_is_no_problem(tmp_path: Path) -> None:
    assert len(await said(tmp_path, "yes | head -c 3000000")) < 1000


async def test_a_signal_that_ended_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="was ended by SIGTERM"):
        await run(tmp_path, "sh", "-c", "kill $$")
    with pytest.raises(DeployError, match="was ended by signal 40"):
        await run(tmp_path, "sh", "-c", "kill -40 $$")


async def test_a_missing_program_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"'/no/such' cannot be run: no such file.*; install it"):
        await run(tmp_path, "/no/such")


async def test_a_deadline_ends_it_and_its_children(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(DeployError, match="did not end within 1 s and was killed"):
        await run(tmp_path, "sh", "-c", script, timeout=timedelta(seconds=1))
    await _gone(tmp_path / "pid")


async def test_cancelling_ends_it_and_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            run(
                tmp_path,
                "sh",
                "-c",
                f"sleep 1000 & echo $! > {pid}.part; mv {pid}.part {pid}; wait",
            )
        )
        await eventually(pid.exists)
        task.cancel()
    await _gone(pid)


async def test_a_daemon_that_it_starts_holds_nobody_up_and_lives_on(tmp_path: Path) -> None:
    await run(tmp_path, "sh", "-c", f"sleep 1000 & echo $! > {tmp_path}/pid")
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 9)


async def _gone(pid_file: Path) -> None:
    status = Path(f"/proc/{pid_file.read_text().strip()}/status")
    await eventually(lambda: not status.exists() or "State:\tZ" in status.read_text())


@pytest.mark.parametrize("argv", [(), ("",), ("a", "b\0c")])
def test_what_is_no_command_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a command"):
        Command(argv)
