from __future__ import annotations

import pytest

from accredit.file_output.snippets.allowed import Allowed, checked_path
from accredit.identity.spiffe_id import SpiffeId, TrustDomain


def ids(*texts: str) -> tuple[SpiffeId, ...]:
    return tuple(SpiffeId.parse(text) for text in texts)


def test_one_trust_domain_at_a_time() -> None:
    allowed = Allowed(ids("spiffe://a.example/x"), ids("spiffe://a.example/y"))
    assert allowed.trust_domain == TrustDomain("a.example")
    with pytest.raises(ValueError, match=r"a\.example and b\.example cannot share a port"):
        Allowed(ids("spiffe://a.example/x"), ids("spiffe://b.example/x"))


def test_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nobody is allowed"):
        Allowed()


@pytest.mark.parametrize("path", ["", "ca.crt", "/a b", "/a;b", "/a\nb", "/a'b", "/{x}"])
def test_a_path_that_means_more_than_itself_is_refused(path: str) -> None:
    assert checked_path("/etc/ssl/ca-x.example.crt") == "/etc/ssl/ca-x.example.crt"
    with pytest.raises(ValueError, match="not an absolute path"):
        checked_path(path)
