from __future__ import annotations

from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.file_sets import TLS, contents, marked, rendered

from accredit.file_output.deploy.on_disk import read_set
from accredit.file_output.fileset import FileSet
from accredit.file_output.store import Store


def stored(folder: Path, files: FileSet) -> Path:
    """Store them; return the folder that readers open."""
    with Store(folder, FakeClock()) as store:
        store.switch(files)
    return folder / "current"


def test_what_was_stored_is_read_back_with_what_its_certificate_says(tmp_path: Path) -> None:
    files = rendered(TestCa())
    found = read_set(stored(tmp_path / "f", files), files.version, TLS)
    assert contents(found) == contents(files)
    assert {each.name: each.mode for each in found.files} == {
        each.name: each.mode for each in files.files
    }
    assert (found.version, found.serial) == (files.version, files.serial)
    assert (found.not_after, found.leaf_sha256) == (files.not_after, files.leaf_sha256)


def test_files_without_a_leaf_in_pem_have_no_end(tmp_path: Path) -> None:
    found = read_set(stored(tmp_path / "f", marked("1", "ca.crt")), "1", ())
    assert (found.serial, found.not_after, found.leaf_sha256) == ("", None, "")


def test_what_accredit_never_wrote_is_refused(tmp_path: Path) -> None:
    current = stored(tmp_path / "f", marked("1", "tls.crt"))
    with pytest.raises(ValueError, match="PEM"):
        read_set(current, "1", TLS)
    (current / "folder").mkdir()
    with pytest.raises(ValueError, match="folder is no file of a set"):
        read_set(current, "1", ())
    (current / "folder").rmdir()
    (current / "link").symlink_to("tls.crt")
    with pytest.raises(OSError, match="symbolic links"):
        read_set(current, "1", ())
