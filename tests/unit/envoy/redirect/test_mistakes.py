from __future__ import annotations

from dataclasses import replace

import pytest
from support.redirect_sample import REDIRECT, intercepting, steering

from accredit.envoy.redirect.mistakes import mistakes
from accredit.envoy.sidecar import Outbound

_SECOND = ("outbound", 1, "intercept", 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.0.0.5:80", "10.0.0.5/32:80"),
        ("*:80", "*:80"),
        ("*:80", "0.0.0.0/0:80"),
        ("[::/0]:80", "*:80"),
    ],
)
def test_two_outbounds_cannot_intercept_the_same(first: str, second: str) -> None:
    found = [*mistakes(steering(intercepting(first), intercepting(second)))]
    assert [key for key, _ in found] == [_SECOND]
    assert "is intercepted by outbound[0] already" in found[0][1]


def test_one_within_the_other_another_port_or_the_same_outbound_are_no_mistakes() -> None:
    pairs = [
        (intercepting("10.0.0.0/8:80"), intercepting("10.0.0.5:80", "10.0.0.0/8:81")),
        (intercepting("*:80"), intercepting("10.0.0.0/8:80")),
        (intercepting("*:80", "0.0.0.0/0:80"), intercepting("127.0.0.1:81")),
    ]
    for pair in pairs:
        assert [*mistakes(steering(*pair))] == []


def test_intercepting_needs_a_redirect_and_a_redirect_something_to_do() -> None:
    (found,) = mistakes(steering(intercepting("10.0.0.5:80"), redirect=None))
    assert found[0] == ("outbound", 0, "intercept", 0)
    assert "needs 'redirect:'" in found[1]
    (found,) = mistakes(steering())
    assert found == (("redirect",), "has nothing to steer; give an outbound 'intercept'")
    assert [*mistakes(steering(redirect=replace(REDIRECT, refuse=True)))] == []
    assert [*mistakes(steering(redirect=None))] == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (intercepting("127.0.0.1:15001"), "is where the redirect itself listens"),
        (intercepting("127.0.0.0/8:15001"), "is where the redirect itself listens"),
        (intercepting("[::1]:80"), "needs an IPv6 address in 'redirect: listen'"),
    ],
)
def test_what_can_never_come_is_a_mistake(spec: Outbound, reason: str) -> None:
    redirect = replace(REDIRECT, listen=REDIRECT.listen[:1])
    ((key, found),) = mistakes(steering(spec, redirect=redirect))
    assert key == ("outbound", 0, "intercept", 0)
    assert reason in found
