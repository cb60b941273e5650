from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as ``pip install`` would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_import_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        linked = [info.filename for info in archive.infolist() if info.external_attr >> 28 == 0xA]
    assert {top for top in tops if not top.endswith(".dist-info")} == {"accredit"}
    assert linked == []


def test_the_wheel_holds_every_module_of_the_checkout(wheel: Path) -> None:
    rooms = [path for path in (_ROOT / "accredit").iterdir() if path.is_symlink()]
    modules = {
        f"accredit/{room.name}/{path.relative_to(room)}"
        for room in rooms
        for path in room.rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        assert modules - set(archive.namelist()) == set()


def test_the_wheel_can_be_imported_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = "import accredit.agent.cli, accredit.envoy; print(accredit.__file__)"
    # First on the path, so that it wins over the editable installation of this environment.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    child = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(child.stdout.strip()) == tmp_path / "accredit/__init__.py"
