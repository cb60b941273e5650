from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support import needs
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


@pytest.mark.parametrize("environment", [{"A=B": "x"}, {"": "x"}, {"A": "secret\0"}, {"A\0": "x"}])
def test_an_environment_that_no_program_can_have_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"environment: .* NUL") as caught:
        Command(("a",), environment=environment)
    assert "secret" not in str(caught.value)


_STRANGER = """
import asyncio, os, sys
from datetime import timedelta
from pathlib import Path
from support.file_sets import marked
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

os.setgid(54321)
os.setuid(54321)
script = sys.argv[1:]

async def main():
    command = Command(tuple(script), timeout=timedelta(seconds=2))
    try:
        await command.tell(Written(Path("/"), marked("1")))
    except DeployError as error:
        print(error, flush=True)
    endless = Command(tuple(script), timeout=timedelta(seconds=1000))
    task = asyncio.create_task(endless.tell(Written(Path("/"), marked("1"))))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled(), flush=True)

asyncio.run(main())
"""


@pytest.mark.root
async def test_a_command_that_became_root_and_cannot_be_killed_holds_nobody_up() -> None:
    needs.root()
    with TemporaryDirectory(prefix="accredit-") as made:
        Path(made).chmod(0o755)
        own = shutil.copy(needs.program("setpriv", apt="util-linux"), made)
        Path(own).chmod(0o4755)
        argv = (own, "--reuid=0", "--regid=0", "--clear-groups", "sleep", "20")
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _STRANGER, *argv),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        first, second = await child.stdout.readline(), await child.stdout.readline()
        child.kill()
        await child.wait()
    assert b"did not end within 2 s and could not be killed: it runs as another user" in first
    assert second == b"True\n"
