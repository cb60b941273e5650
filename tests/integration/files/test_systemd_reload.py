"""A real nginx that is a unit of a real systemd, and is reloaded through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import recipes
from support.eventually import wait_until
from support.nginx import Nginx
from support.outputs import at_work, rotate_under_load
from support.real_program import listens
from support.user_systemd import UserSystemd, user_systemd

from accredit.file_output.ledger import State
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.systemd import Systemd

_GET = b"GET / HTTP/1.0\r\n\r\n"
_UNIT = "web.service"
_ROTATIONS = 50


class NginxUnit(Nginx):
    """Started and stopped by systemd; ``reload`` is its command for that."""

    def __init__(self, folder: Path, systemd: UserSystemd, reload: str) -> None:
        super().__init__(folder, folder / "files")
        self._systemd = systemd
        lines = (
            *("[Service]", f"WorkingDirectory={folder}"),
            f"ExecStart={' '.join(map(str, self.command))}",
            f"ExecReload={reload}",
        )
        (systemd.units / _UNIT).write_text("\n".join(lines) + "\n")
        assert systemd.command("systemctl", "daemon-reload") == ""

    def start(self, seconds: float = 30) -> None:
        assert self._systemd.command("systemctl", "start", _UNIT) == ""

        def status() -> str:
            return self._systemd.command("systemctl", "status", _UNIT)

        wait_until(lambda: listens(self.port), seconds, status)

    def stop(self) -> None:
        self._systemd.command("systemctl", "stop", _UNIT)


@pytest.fixture
def systemd() -> Iterator[UserSystemd]:
    with user_systemd() as found:
        yield found


def recipe(nginx: Nginx, systemd: UserSystemd) -> Recipe:
    told = Systemd(_UNIT, runtime_dir=str(systemd.folder))
    return replace(recipes.nginx(nginx), reload=told)


@pytest.mark.root
@pytest.mark.slow
async def test_rotations_under_load_fail_nobody(tmp_path: Path, systemd: UserSystemd) -> None:
    nginx = NginxUnit(tmp_path, systemd, "/bin/kill -HUP $MAINPID")
    await rotate_under_load(nginx, nginx.files, recipe(nginx, systemd), _ROTATIONS, say=_GET)


@pytest.mark.root
async def test_a_reload_that_the_unit_fails_gives_the_old_set_back_and_is_told(
    tmp_path: Path, systemd: UserSystemd
) -> None:
    allowed = tmp_path / "allowed"
    allowed.touch()
    reload = f"/bin/sh -c 'test -e {allowed} && kill -HUP $MAINPID'"
    nginx = NginxUnit(tmp_path, systemd, reload)
    async with at_work(nginx.files, recipe(nginx, systemd)) as bench:
        first = await bench.written()
        with nginx.running():
            await bench.until(State.SERVED, first)
            allowed.unlink()
            second = bench.rotate()
            await bench.until(State.FAILING)
            assert "systemctl" in bench.line.last_error
            assert bench.store.current is not None
            assert bench.line.serial == first
            allowed.touch()
            await bench.until(State.SERVED, second)
