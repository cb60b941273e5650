from __future__ import annotations

import pytest

from accredit.file_output.profiles.databases import postgresql_files


@pytest.mark.parametrize(("uid", "key"), [(0, (0o640, "postgres")), (1000, (0o600, ""))])
def test_postgresql_gets_the_one_kind_of_key_it_takes_from_that_user(
    uid: int, key: tuple[int, str]
) -> None:
    files = {file.name: (file.mode, file.group) for file in postgresql_files(uid)}
    assert files.pop("tls.key") == key
    assert set(files.values()) == {(0o644, "")}
