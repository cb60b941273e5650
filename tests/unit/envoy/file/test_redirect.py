from __future__ import annotations

import pytest
from support.sidecar_text import read, told, whole

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Redirect

_OUTBOUND = "outbound: [{intercept: '*:80', to: a:1, expect: /s}]"
_V4, _V6 = Endpoint("127.0.0.1", 15001), Endpoint("::1", 15001)


def _redirect(fields: str) -> Redirect | None:
    return read(whole(f"redirect: {fields}\n{_OUTBOUND}")).redirect


def test_by_default_it_listens_on_both_loopbacks_and_lets_the_rest_pass() -> None:
    assert _redirect("{users: app}") == Redirect((_V4, _V6), ("app",))


def test_what_is_said_is_read() -> None:
    found = _redirect(
        "{cgroups: /system.slice/app.service/, listen: 127.0.0.1:1, otherwise: refuse}"
    )
    assert found == Redirect((Endpoint("127.0.0.1", 1),), (), ("system.slice/app.service",), True)


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ("{}", ": 'users' is missing; expected the app's users, or its 'cgroups'"),
        ("{users: []}", ".users: is empty"),
        ("{users: 1000}", ".users: expected text; quote it"),
        ("{users: 'a b'}", ".users: 'a b' is no user name and no uid"),
        ("{users: -x}", ".users: '-x' is no user name"),
        ("{cgroups: /}", ".cgroups: '/' is no cgroup path such as system.slice/"),
        ("{cgroups: a/../b}", ".cgroups: 'a/../b' is no cgroup path"),
        ("{users: a, otherwise: drop}", ".otherwise: expected one of pass, refuse"),
        ("{users: a, listen: 0.0.0.0:1}", ".listen: expected 127.0.0.1 and [::1] only"),
        ("{users: a, listen: [127.0.0.1:1, 127.0.0.2:1]}", ".listen: expected at most one address"),
        ("{users: a, ports: 1}", ".ports: unknown key"),
        ("app", ": expected keys and values"),
    ],
)
def test_each_mistake_is_told_at_its_place(fields: str, mistake: str) -> None:
    (found,) = told(whole(f"redirect: {fields}\n{_OUTBOUND}"))
    assert found.startswith(f"3: sidecar.redirect{mistake}")
