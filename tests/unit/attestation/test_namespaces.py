from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import needs
from support.calling import calling

from accredit.attestation.namespaces import has_honest_paths
from accredit.attestation.process import opened


def _honest(pid: int) -> bool:
    pidfd = os.pidfd_open(pid)
    try:
        with opened(pid, pidfd) as process:
            return has_honest_paths(process)
    finally:
        os.close(pidfd)


@pytest.fixture
def unshare() -> Path:
    return needs.program("unshare", apt="util-linux")


def test_a_process_that_shares_our_namespaces_is_honest() -> None:
    with calling() as child:
        assert _honest(child.process.pid)


@pytest.mark.root
def test_mounts_an_administrator_made_private_are_honest(unshare: Path) -> None:
    needs.root()
    with calling(unshare, "--mount") as child:
        assert _honest(child.process.pid)


def test_mounts_of_a_users_own_namespace_are_not(unshare: Path) -> None:
    with calling(unshare, "--user", "--map-root-user", "--mount") as child:
        assert not _honest(child.process.pid)


def test_a_user_namespace_of_ones_own_is_not_even_with_our_mounts(unshare: Path) -> None:
    with calling(unshare, "--user", "--map-root-user") as child:
        assert not _honest(child.process.pid)
