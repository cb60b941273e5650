from __future__ import annotations

import hashlib

from support.ca import TestCa

from accredit.file_output.formats.keystore import aliases, identity
from accredit.identity.spiffe_id import TrustDomain


def test_each_authority_has_an_alias_of_its_own_that_java_takes() -> None:
    roots = [TestCa().root, TestCa().root]
    found = aliases(TrustDomain("td.example"), roots)
    assert found == ["td.example-1", "td.example-2"]
    assert found == [alias.lower() for alias in found]


def test_content_and_password_tell_two_keystores_apart() -> None:
    assert identity(b"a", "changeit") == identity(b"a", "changeit")
    assert len({identity(c, p) for c in (b"a", b"b") for p in ("changeit", "opensesame")}) == 4


def test_a_password_is_not_hashed_so_fast_that_it_could_be_guessed() -> None:
    found = identity(b"", "changeit")
    fast = [hashlib.sha256(text).digest() for text in (b"changeit", b"", b"changeit" * 2)]
    assert not any(each in found[32:] for each in fast)
    assert b"changeit" not in found
