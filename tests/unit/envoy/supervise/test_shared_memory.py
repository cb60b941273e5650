"""The flag that a follower leaves in Envoy's shared memory."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from accredit.envoy.supervise.shared_memory import SharedMemory, read_base_id, reserve


def _write(folder: Path, flags: int, *, size: int = 104, version: int = 11) -> Path:
    path = folder / "envoy_shared_memory_70"
    path.write_bytes(struct.pack("=QQ80sQ", size, version, b"lock" * 20, flags))
    return path


def test_a_follower_that_ended_early_is_forgotten_and_nothing_else_is_touched(
    tmp_path: Path,
) -> None:
    path = _write(tmp_path, 0b101)
    before = path.read_bytes()
    memory = SharedMemory(7, tmp_path)
    assert memory.initializing() is True
    assert memory.forget_follower()
    assert memory.initializing() is False
    after = path.read_bytes()
    assert after[:96] == before[:96]
    assert after[96:] == struct.pack("=Q", 0b100)


@pytest.mark.parametrize("layout", [{"size": 112}, {"version": 12}])
def test_a_layout_that_is_not_known_is_left_alone(tmp_path: Path, layout: dict[str, int]) -> None:
    path = _write(tmp_path, 1, **layout)
    before = path.read_bytes()
    memory = SharedMemory(7, tmp_path)
    assert memory.initializing() is None
    assert not memory.forget_follower()
    assert path.read_bytes() == before


def test_no_memory_is_no_answer(tmp_path: Path) -> None:
    memory = SharedMemory(7, tmp_path)
    assert memory.initializing() is None
    assert not memory.forget_follower()
    memory.remove()


def test_it_can_be_given_back(tmp_path: Path) -> None:
    path = _write(tmp_path, 0)
    SharedMemory(7, tmp_path).remove()
    assert not path.exists()


@pytest.mark.parametrize(("text", "base_id"), [("7", 7), ("", None), ("-1", None), ("x", None)])
def test_a_base_id_is_a_number(tmp_path: Path, text: str, base_id: int | None) -> None:
    (tmp_path / "base_id").write_text(text)
    assert read_base_id(tmp_path / "base_id") == base_id


def test_before_it_is_written_there_is_no_base_id(tmp_path: Path) -> None:
    assert read_base_id(tmp_path / "base_id") is None


def test_a_reserved_base_id_is_nobody_elses_and_its_names_do_not_overflow(tmp_path: Path) -> None:
    found = {reserve(tmp_path) for _ in range(100)}
    assert len(found) == 100
    assert all(0 < base_id * 10 + 2 < 2**31 for base_id in found)
    assert all(SharedMemory(base_id, tmp_path).initializing() is None for base_id in found)
