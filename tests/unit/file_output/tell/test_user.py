from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from support import needs
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


def test_only_root_becomes_somebody_else() -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        pid = os.fork()
        if not pid:
            os.setgid(54321)
            os.setuid(54321)
            os._exit(_refused("daemon"))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    else:
        assert resolve(own, "") == Credentials()
        assert _refused("root") == 0


def _refused(user: str) -> int:
    try:
        resolve(user, "")
    except DeployError as error:
        return int("only root can run a command as" not in str(error))
    return 1


@pytest.mark.root
def test_a_process_whose_uid_no_account_has_names_its_own_group() -> None:
    needs.root()
    pid = os.fork()
    if not pid:
        os.setgid(54321)
        os.setuid(54321)
        os._exit(_of_no_account())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _of_no_account() -> int:
    own = False
    try:
        own = resolve("", "54321") == Credentials()
        resolve("", "0")
    except DeployError as error:
        return int(not own or "only root can run a command as 0" not in str(error))
    except KeyError:
        return 2
    return 3
