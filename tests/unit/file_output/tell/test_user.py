from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path

import pytest
from support import needs, ordinary_user
from support.file_sets import marked

from accredit.file_output.tell.command import Command
from accredit.file_output.tell.user import Credentials, resolve
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError


def test_nobody_named_means_ourselves() -> None:
    assert resolve("", "") == Credentials()


@pytest.mark.parametrize(
    ("user", "group", "words"),
    [
        ("no-such-user", "", "no user 'no-such-user'"),
        ("4294967294", "", "no user '4294967294'"),
        ("", "no-such-group", "no group 'no-such-group'"),
        ("99999999999999999999", "", "no user '99999999999999999999'"),
        ("", "4294967295", "no group '4294967295'"),
        ("", "99999999999999999999", "no group '99999999999999999999'"),
    ],
)
def test_who_does_not_exist_is_named(user: str, group: str, words: str) -> None:
    with pytest.raises(DeployError, match=words):
        resolve(user, group)


@pytest.mark.root
def test_root_takes_on_a_user_with_all_of_its_groups() -> None:
    needs.root()
    found = pwd.getpwnam("daemon")
    assert resolve("daemon", "") == (found.pw_uid, found.pw_gid, (found.pw_gid,))
    assert resolve(str(found.pw_uid), "tty").gid == grp.getgrnam("tty").gr_gid
    assert resolve("daemon", "7").gid == 7


@pytest.mark.root
async def test_a_command_of_another_user_has_nothing_of_root_left(tmp_path: Path) -> None:
    needs.root()
    command = Command(("sh", "-c", "id -u; id -G; cat /etc/shadow"), user="daemon")
    with pytest.raises(DeployError, match=r": 1 1 .*denied"):
        await command.tell(Written(tmp_path, marked("1")))


_PROGRAM = """\
import sys
from accredit.file_output.tell.user import resolve
from accredit.identity.errors import DeployError
for user, group in (each.split(":") for each in sys.argv[1:]):
    try:
        print(*resolve(user, group))
    except DeployError as error:
        print(error)
"""


def _told(*names: str) -> list[str]:
    """Return what an ordinary user is told of each, in a line."""
    command, how = ordinary_user.python("-c", _PROGRAM, *names)
    told: str = subprocess.check_output(command, text=True, **how)
    return told.splitlines()


def test_only_root_becomes_somebody_else() -> None:
    daemon, root = _told("daemon:", "root:")
    assert "only root can run a command as daemon" in daemon
    assert "only root can run a command as root" in root


@pytest.mark.skipif(os.geteuid() == 0, reason="the ordinary user of root's has no account")
def test_whoever_is_not_root_stays_himself() -> None:
    assert resolve(pwd.getpwuid(os.geteuid()).pw_name, "") == Credentials()


def test_its_own_group_may_be_named_with_an_account_or_without() -> None:
    own, refusal = _told(f":{ordinary_user.gid()}", ":0")
    assert own == "None None None"
    assert "only root can run a command as 0" in refusal
