"""Whether a caller descends from somebody's login."""

from __future__ import annotations

from accredit.attestation.evidence import Evidence
from accredit.attestation.process import Process
from accredit.identity.selector import Selector

_UNSET = 2**32 - 1  # AUDIT_SID_UNSET
_NO_LOGIN = Selector("linux", "no_login")


def login(process: Process) -> Evidence:
    """Return ``no_login`` for a process none of whose ancestors has logged in, as for a daemon.

    A login stays with all descendants, through sudo and su, and only CAP_AUDIT_CONTROL takes it
    off. Whose login it is does not count: a process without one may write any user into it.
    """
    try:
        session = int(process.read("sessionid"))
    except FileNotFoundError:
        return Evidence(frozenset())  # a kernel without audit
    return Evidence(frozenset({_NO_LOGIN} if session == _UNSET else ()))
