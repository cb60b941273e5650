from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import needs, other_user

from accredit.file_output.drift import Drift, repair
from accredit.file_output.fileset import RenderedFile
from accredit.file_output.layout import SetName
from accredit.file_output.set_writer import write_set

FILES = (
    RenderedFile("tls.crt", b"certificate", 0o644),
    RenderedFile("tls.key", b"key", 0o600),
    RenderedFile("tls.p12", b"salted", 0o600, salted=True),
)


@pytest.fixture
def sets(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    write_set(descriptor, SetName(1, "a"), FILES, 0o755)
    yield descriptor
    os.close(descriptor)


def test_what_is_as_it_was_left_is_no_drift(sets: int) -> None:
    assert repair(sets, "1.a", FILES) == Drift()


def test_a_changed_mode_is_put_right_and_told(sets: int, tmp_path: Path) -> None:
    key = tmp_path / "1.a/tls.key"
    key.chmod(0o644)
    assert repair(sets, "1.a", FILES) == Drift(("tls.key: had mode 0644",))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert repair(sets, "1.a", FILES) == Drift()


def test_a_changed_owner_is_put_right_and_told(sets: int, tmp_path: Path) -> None:
    needs.root()
    key = tmp_path / "1.a/tls.key"
    os.chown(key, other_user.UID, other_user.UID)
    uid = other_user.UID
    assert repair(sets, "1.a", FILES) == Drift((f"tls.key: belonged to uid {uid} and gid {uid}",))
    assert (key.stat().st_uid, key.stat().st_gid) == (os.geteuid(), os.getegid())


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("../1.a/moved")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("tls.key", Path.unlink, "tls.key: is missing"),
        ("extra", Path.touch, "extra: was added"),
        ("tls.crt", lambda path: path.write_bytes(b"another"), "tls.crt: was changed"),
        ("tls.crt", lambda path: path.write_bytes(b"certificate+"), "tls.crt: was changed"),
        ("tls.p12", lambda path: path.write_bytes(b""), "tls.p12: was changed"),
        ("tls.key", _pipe, "tls.key: is no longer a regular file"),
        ("tls.key", _link, "moved: was added"),
    ],
)
def test_what_cannot_be_put_right_takes_a_new_set(
    sets: int, tmp_path: Path, name: str, change: Callable[[Path], object], reason: str
) -> None:
    change(tmp_path / "1.a" / name)
    assert repair(sets, "1.a", FILES) == Drift((reason,), broken=True)


def test_a_file_replaced_by_a_link_is_not_followed(sets: int, tmp_path: Path) -> None:
    key = tmp_path / "1.a/tls.key"
    key.rename(tmp_path / "moved")
    key.symlink_to("../moved")
    found = repair(sets, "1.a", FILES)
    assert found.broken
    assert found.found[0].startswith("tls.key: ")


def test_salted_content_is_not_compared(sets: int, tmp_path: Path) -> None:
    (tmp_path / "1.a/tls.p12").write_bytes(b"another salt")
    assert repair(sets, "1.a", FILES) == Drift()


def test_a_set_that_is_gone_takes_a_new_one(sets: int) -> None:
    assert repair(sets, "2.b", FILES) == Drift(("2.b: no such file or directory",), broken=True)
