from __future__ import annotations

import pytest
from support import needs
from support.calling import calling

from accredit.attestation.caller import identify
from accredit.attestation.linux.login import login

_LOG_IN = "open('/proc/self/loginuid', 'w').write('{}')"


def values(*, user: int, uid_of_login: int | None) -> set[str]:
    with calling(user=user, group=user, extra_groups=[], python="/usr/bin/python3") as child:
        if uid_of_login is not None:
            child.ask(_LOG_IN.format(uid_of_login))
        with identify(child.sock).opened() as process:
            return set(map(str, login(process).selectors))


@pytest.mark.root
def test_a_login_is_seen_and_whose_it_is_is_not_believed() -> None:
    needs.root()
    assert values(user=54321, uid_of_login=None) == {"linux:no_login"}
    # An ordinary user may write another one into a process that has not logged in.
    assert values(user=54321, uid_of_login=0) == set()
