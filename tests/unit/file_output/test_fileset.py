from __future__ import annotations

import pytest

from accredit.file_output.fileset import FileSet, RenderedFile


def test_its_repr_shows_no_content() -> None:
    files = FileSet((RenderedFile("tls.key", b"hush", 0o600),), "1")
    assert "hush" not in repr(files)
    assert "tls.key" in repr(files)


def test_two_files_of_one_name_are_refused() -> None:
    file = RenderedFile("tls.crt", b"", 0o644)
    with pytest.raises(ValueError, match=r"'tls\.crt' is the name of two files"):
        FileSet((file, file), "1")


def test_a_set_may_hold_no_file_at_all() -> None:
    assert FileSet((), "1").files == ()


@pytest.mark.parametrize("name", ["../tls.crt", "", "current", "a\0", "a" * 256])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"file name|itself uses|longer"):
        RenderedFile(name, b"", 0o644)


@pytest.mark.parametrize("version", ["", "../evil", "a/b", "A", "a" * 65])
def test_a_version_that_could_leave_the_folder_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number and a version of \[0-9a-z\]"):
        FileSet((RenderedFile("tls.crt", b"", 0o644),), version)
