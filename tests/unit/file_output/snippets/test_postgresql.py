from __future__ import annotations

import pytest

from accredit.file_output.snippets.postgresql import postgresql


def test_each_common_name_is_one_line() -> None:
    lines = postgresql({"web": "reader", "job": "writer"}, "/ca.crt").lines
    assert lines["pg_ident.conf"] == 'spiffe "web" "reader"\nspiffe "job" "writer"\n'
    assert "cert map=spiffe" in lines["pg_hba.conf"]


@pytest.mark.parametrize("name", ["", "/regex", 'a"b', "a\nb", "a b", "+group", "x" * 65])
def test_a_name_that_would_mean_something_else_is_refused(name: str) -> None:
    for users in ({name: "user"}, {"name": name}):
        with pytest.raises(ValueError, match="not a name of 1 to 64"):
            postgresql(users, "/ca.crt")
    with pytest.raises(ValueError, match="nobody is allowed"):
        postgresql({}, "/ca.crt")
