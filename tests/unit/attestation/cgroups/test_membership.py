from __future__ import annotations

import pytest

from accredit.attestation.cgroups.membership import Membership, parse_memberships
from accredit.identity.errors import AttestationError


def test_each_line_is_one_hierarchy_and_its_path() -> None:
    content = b"4:memory:/docker/a:b\n1:name=systemd:/init.scope\n0::/docker\n"
    assert parse_memberships(content) == (
        Membership("memory", "/docker/a:b"),
        Membership("name=systemd", "/init.scope"),
        Membership("", "/docker"),
    )


def test_names_that_are_not_utf_8_survive() -> None:
    (found,) = parse_memberships(b"0::/\xff\n")
    assert found.path.encode("utf-8", "surrogateescape") == b"/\xff"


@pytest.mark.parametrize("path", [b"/..", b"/../0123", b"/../../docker/0123"])
def test_a_path_outside_our_cgroup_namespace_is_refused_with_the_cure(path: bytes) -> None:
    with pytest.raises(AttestationError, match=r"outside the cgroup namespace.*--cgroupns=host"):
        parse_memberships(b"0::" + path + b"\n")


@pytest.mark.parametrize("line", [b"0:/x", b"nonsense", b"x::/", b"0::relative", b"0::"])
def test_what_is_no_such_file_is_refused(line: bytes) -> None:
    with pytest.raises(AttestationError, match="is no line of /proc/PID/cgroup"):
        parse_memberships(line + b"\n")
