from __future__ import annotations

import pytest

from accredit.attestation.cgroups.membership import Membership
from accredit.attestation.systemd.unit import Unit
from accredit.attestation.systemd.user_unit import UserUnit, selectors, user_unit

_GROUP = "/user.slice/user-1000.slice/user@1000.service"
MANAGER = Unit("user@1000.service", control_group=_GROUP)


def found(path: str, manager: Unit = MANAGER, hierarchy: str = "") -> UserUnit | None:
    return user_unit(manager, [Membership(hierarchy, path)])


@pytest.mark.parametrize(
    ("below", "name", "inside"),
    [
        ("app.slice/web.service", "web.service", "app.slice"),
        ("app.slice/app-web.slice/web.service", "web.service", "app-web.slice"),
        ("app.slice/web.service/payload", "web.service", "app.slice"),
        ("app.slice/web.service/other.service", "web.service", "app.slice"),
        ("app.slice/_cgroup.service", "cgroup.service", "app.slice"),
        (r"app.slice/a@\x2d1.service", r"a@\x2d1.service", "app.slice"),
        ("init.scope", "init.scope", "-.slice"),
        ("app.slice/run-p1.scope", "run-p1.scope", "app.slice"),
    ],
)
def test_a_path_is_read_as_systemd_reads_it(below: str, name: str, inside: str) -> None:
    assert found(f"{_GROUP}/{below}") == UserUnit(1000, name, inside)


@pytest.mark.parametrize(
    "path",
    [
        _GROUP,
        f"{_GROUP}/app.slice",
        f"{_GROUP}/payload/web.service",
        f"{_GROUP}/app.slice/web.service (deleted)",
        f"{_GROUP}/app.slice/we:b\u00e9.service",
        f"{_GROUP}/app.slice/.service",
        f"{_GROUP}/" + "a" * 250 + ".service",
        f"{_GROUP}x/app.slice/web.service",
        "/user.slice/user-1001.slice/user@1001.service/app.slice/web.service",
        "/app.slice/web.service",
    ],
)
def test_a_path_that_names_no_unit_inside_the_manager_gives_none(path: str) -> None:
    assert found(path) is None


@pytest.mark.parametrize(
    "manager",
    [
        Unit("web.service", control_group=_GROUP),
        Unit("user@web.service", control_group=_GROUP),
        Unit("user@01000.service", control_group=_GROUP),
        Unit("user@1000.service"),
    ],
)
def test_only_the_unit_that_holds_a_users_manager_holds_users_units(manager: Unit) -> None:
    assert found(f"{_GROUP}/app.slice/web.service", manager) is None


def test_the_hierarchies_of_systemd_count_and_no_others() -> None:
    path = f"{_GROUP}/app.slice/web.service"
    assert found(path, hierarchy="name=systemd") is not None
    assert found(path, hierarchy="pids") is None
    both = [Membership("name=systemd", path), Membership("", f"{_GROUP}/init.scope")]
    assert user_unit(MANAGER, both) == UserUnit(1000, "init.scope", "-.slice")
    assert user_unit(MANAGER, [both[0], Membership("", "/")]) is not None


def test_each_selector_begins_with_the_user_whose_word_it_is() -> None:
    assert list(map(str, selectors(UserUnit(1000, "web.service", "app.slice")))) == [
        "systemd-user:1000:id:web.service",
        "systemd-user:1000:slice:app.slice",
    ]
