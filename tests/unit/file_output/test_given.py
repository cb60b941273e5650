from __future__ import annotations

import grp
import pwd
from pathlib import Path

import pytest

from accredit.file_output.given import Given, look_up
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.errors import ConfigError


def test_nothing_is_looked_up_where_nothing_is_asked() -> None:
    assert look_up([FileSpec(Kind.CERTIFICATE, "tls.crt")]) == Given()


def test_users_and_groups_are_found_by_name_and_by_number() -> None:
    user, group = pwd.getpwall()[-1], grp.getgrall()[-1]
    found = look_up(
        [
            FileSpec(Kind.CERTIFICATE, "a", owner=user.pw_name, group=group.gr_name),
            FileSpec(Kind.CERTIFICATE, "b", owner="4242", group="0"),
        ]
    )
    assert found.uids == {user.pw_name: user.pw_uid, "4242": 4242}
    assert found.gids == {group.gr_name: group.gr_gid, "0": 0}


def test_passwords_are_read_once_and_kept_out_of_the_repr(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("opensesame")
    file.chmod(0o600)
    specs = [
        FileSpec(kind, kind.value, password_file=str(file)) for kind in (Kind.JKS, Kind.PKCS12)
    ]
    found = look_up(specs)
    assert found.passwords == {str(file): "opensesame"}
    assert "opensesame" not in repr(found)


def test_all_mistakes_are_told_at_once() -> None:
    specs = [
        FileSpec(Kind.CERTIFICATE, "a", owner="no-such-user", group="no-such-group"),
        FileSpec(Kind.JKS, "b", password_file="/no/such/password"),
    ]
    with pytest.raises(ConfigError) as caught:
        look_up(specs)
    assert str(caught.value).splitlines() == [
        "/no/such/password: cannot be read: no such file or directory",
        "no-such-user: there is no such user on this machine",
        "no-such-group: there is no such group on this machine",
    ]


@pytest.mark.parametrize("name", ["4294967295", "99999999999", "-1", "٣", "a\0b"])
def test_a_number_that_means_something_else_to_the_kernel_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no such user"):
        look_up([FileSpec(Kind.CERTIFICATE, "a", owner=name)])
