from __future__ import annotations

import subprocess

import pytest
from support import needs, other_user
from support.calling import calling
from support.host import on_host

from accredit.attestation.caller import identify
from accredit.attestation.evidence import Evidence
from accredit.attestation.linux.place import place


def found(*wrapper: str) -> Evidence:
    with calling(*wrapper) as child, identify(child.sock).opened() as process:
        return place(process)


def values(*wrapper: str) -> set[str]:
    evidence = found(*wrapper)
    assert not evidence.partial
    return set(map(str, evidence.selectors))


@pytest.mark.root
def test_a_process_in_the_namespaces_of_process_1_is_on_the_host() -> None:
    needs.root()
    assert values(*on_host()) == {"linux:host"}


@pytest.mark.root
def test_a_process_with_pids_of_its_own_is_in_a_container() -> None:
    needs.root()
    wrapper = ("unshare", "--pid", "--mount", "--fork", "--kill-child")
    assert values(*wrapper) == {"linux:container"}


@pytest.mark.root
@pytest.mark.parametrize("how", [["--mount"], ["--user", "--map-root-user"]])
def test_what_lies_between_is_neither(how: list[str]) -> None:
    needs.root()
    assert values(*on_host(), "unshare", *how) == set()


_LOOK = """
import os
from accredit.attestation.linux.place import place
from accredit.attestation.process import opened
pid = os.getppid()
with opened(pid, os.pidfd_open(pid)) as process:
    print(place(process).failures["linux:host"])
"""


@pytest.mark.root
def test_who_may_not_see_namespaces_says_what_it_takes() -> None:
    command, how = other_user.python("-c", _LOOK)
    said = subprocess.run(command, check=True, capture_output=True, text=True, **how).stdout
    assert "other users takes root or CAP_SYS_PTRACE" in said
