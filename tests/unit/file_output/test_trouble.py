from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from accredit.file_output.trouble import in_words, told
from accredit.identity.errors import StoreError


def test_what_the_kernel_refuses_names_the_place_inside_the_folder(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        gone = r"/out/gone: no such file or directory; it was removed meanwhile"
        with pytest.raises(StoreError, match=gone), told(Path("/out")):
            os.unlink("gone", dir_fd=folder)
    finally:
        os.close(folder)


def test_a_whole_path_is_not_put_behind_the_folder() -> None:
    error = OSError(errno.EROFS, os.strerror(errno.EROFS), "/out/x")
    assert str(in_words(Path("/out"), error)).startswith("/out: read-only file system; mount it")


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "make room on that disk; the files that were there still are"),
        (errno.EDQUOT, "raise the quota"),
        (errno.EFBIG, "raise the limit"),
        (errno.EACCES, "run accredit as the user who owns it"),
        (errno.EPERM, "run accredit as root, or set owner and group to its user's own"),
        (errno.EIO, "look at the disk"),
    ],
)
def test_each_trouble_has_its_cure(number: int, cure: str) -> None:
    assert cure in in_words(Path("/out"), OSError(number, os.strerror(number))).cure


def test_trouble_that_nobody_foresaw_is_told_all_the_same() -> None:
    assert str(in_words(Path("/out"), OSError("what?"))) == "/out: what?"


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(StoreError, match=r"^/x: y$"), told(Path("/out")):
        raise StoreError("/x", "y")
