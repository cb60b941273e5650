from __future__ import annotations

from pathlib import Path

import pytest
from support import descriptors

from accredit.file_output.advice import advice, file_system_of

MOUNTS = """\
22 1 0:20 / / rw - ext4 /dev/sda1 rw
23 22 0:21 / /run rw,nosuid shared:5 master:1 - tmpfs tmpfs rw
24 22 0:22 / /run/my\\040keys rw - xfs /dev/sdb rw
25 22 0:23 / /srv rw - ext4 /dev/sdc rw
26 22 0:24 / /srv rw - ramfs none rw
a line of no use
27 22 0:25 / /odd rw - btrfs
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/etc/nginx", "ext4"),
        ("/run", "tmpfs"),
        ("/run/x", "tmpfs"),
        ("/running", "ext4"),
        ("/run/my keys/a", "xfs"),
        ("/srv/a", "ramfs"),
        ("/odd/a", "btrfs"),
    ],
)
def test_the_last_mount_that_holds_a_path_counts(path: str, kind: str) -> None:
    assert file_system_of(path, MOUNTS) == kind


def test_without_descriptors_nothing_is_advised_and_nothing_ends(tmp_path: Path) -> None:
    with descriptors.limited_to(0):
        assert advice(tmp_path) == ""


def test_nothing_is_known_without_mounts() -> None:
    assert file_system_of("/run", "") == ""


def test_a_folder_in_memory_needs_no_advice() -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("no /dev/shm here")
    assert advice(memory) == ""


def test_a_folder_that_is_not_in_memory_is_told_to_move() -> None:
    assert advice(Path("/proc")).startswith("/proc is on a disk (proc)")
