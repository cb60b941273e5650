from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.calling import calling

from accredit.attestation.caller import identify
from accredit.attestation.facts import facts_of
from accredit.attestation.observed import observe
from accredit.identity.errors import AttestationError


def test_the_facts_are_those_of_the_process() -> None:
    with calling() as child:
        found = facts_of(observe(child.process.pid))
        assert found == facts_of(identify(child.sock))
        assert (found.pid, found.parent) == (child.process.pid, os.getpid())
        assert found.pids[0] == found.pid
        assert found.uids == (os.getuid(),) * 4
        assert found.gids == (os.getgid(),) * 4
        assert sorted(found.groups) == sorted(os.getgroups())
        assert found.executable == str(Path(f"/proc/{found.pid}/exe").readlink())
        assert found.name.startswith("python")
        assert set(found.namespaces.values()) == {"own"}
        assert all(line.count(":") >= 2 for line in found.cgroup)


def test_a_name_that_is_no_text_is_shown_all_the_same() -> None:
    with calling() as child:
        child.ask("open('/proc/self/comm', 'wb').write(b'\\xff\\x1b[1m\\n)')")
        assert facts_of(observe(child.process.pid)).name == "\\udcff\x1b[1m\n)"


def test_another_namespace_is_told() -> None:
    with calling("unshare", "--user", "--map-current-user", "--net") as child:
        found = facts_of(observe(child.process.pid))
    assert (found.namespaces["user"], found.namespaces["net"]) == ("another", "another")
    assert found.namespaces["pid"] == "own"


def test_of_who_has_gone_nothing_is_told() -> None:
    with calling() as child:
        observed = observe(child.process.pid)
        child.end()
        with pytest.raises(AttestationError, match="has exited"):
            facts_of(observed)
